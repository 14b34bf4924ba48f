//! Bodies that routes take piece by piece: of any length, and no more of them in memory than may be.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt;
use nether_tests::http::{PATIENCE, connect, head_and_body, post};
use tokio::time::timeout;

use crate::{check, desk};

/// How many bytes came, none of which is kept.
pub async fn counted(body: Body) -> Result<String, StatusCode> {
    let mut pieces = body.into_data_stream();
    let mut count = 0;
    while let Some(piece) = pieces.next().await {
        count += piece.map_err(|_| StatusCode::BAD_REQUEST)?.len();
    }
    Ok(count.to_string())
}

/// Keeps all pieces until the last one has come.
pub async fn kept(body: Body) -> Result<String, StatusCode> {
    let pieces: Vec<_> = body.into_data_stream().collect().await;
    let pieces = pieces.into_iter().collect::<Result<Vec<Bytes>, _>>();
    let pieces = pieces.map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(pieces.iter().map(Bytes::len).sum::<usize>().to_string())
}

const MEMORY: usize = 200_000;

#[tokio::test]
async fn a_body_that_is_taken_piece_by_piece_may_be_longer_than_the_memory_for_bodies() {
    let (_system, at) = desk(|server| server.body_memory(MEMORY)).await;
    let long = "a".repeat(20 * MEMORY);
    for _ in 0..3 {
        let answer = post(&at, "/own/counted", &long).await;
        assert_eq!((answer.status, answer.body), (200, long.len().to_string()));
    }
    // All of it was given back.
    let most = "a".repeat(MEMORY);
    assert_eq!(post(&at, "/own/kept", &most).await.status, 200);
}

#[tokio::test]
async fn a_body_whose_pieces_are_kept_is_no_longer_than_the_memory_for_bodies() {
    let (_system, at) = desk(|server| server.body_memory(MEMORY)).await;
    for path in ["/own/kept", "/own/unbounded"] {
        let answer = post(&at, path, &"a".repeat(2 * MEMORY)).await;
        check(&answer, 503, "too busy");
        let answer = post(&at, path, &"a".repeat(MEMORY / 2)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_was_collected_of_a_body_counts_until_its_request_is_answered() {
    let (_system, at) = desk(|server| server.body_memory(MEMORY)).await;
    let most = "a".repeat(MEMORY - 1000);
    let length = most.len().to_string();
    let mut held = connect(&at).await;
    let headers = [("content-length", length.as_str())];
    held.write(head_and_body("POST /own/slow", &headers, ""))
        .await;
    held.write(&most).await;
    let refused = async { while post(&at, "/own/kept", &most).await.status != 503 {} };
    timeout(PATIENCE, refused)
        .await
        .expect("there is no room left");
    // It was copied to one place meanwhile.
    for _ in 0..20 {
        assert_eq!(post(&at, "/own/kept", &most).await.status, 503);
    }
    drop(held);
    let room = async { while post(&at, "/own/kept", &most).await.status == 503 {} };
    timeout(PATIENCE, room).await.expect("there is room again");
}
