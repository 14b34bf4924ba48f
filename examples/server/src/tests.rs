//! The example, asked over its own server. The whole session that the README shows is checked by `.ci/e2e`.

use nether::http::{Server, StartServer};
use nether::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and body of the answer to a request of one connection.
async fn ask(address: &str, line: &str, json: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it is open");
    let length = json.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{json}"
    );
    let written = stream.write_all(request.as_bytes()).await;
    written.expect("it is open");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).await;
    read.expect("it is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

#[tokio::test]
async fn orders_are_placed_found_and_cancelled() -> nether::Result<()> {
    let system = System::start().await?;
    system.attach(Server::new(&system)).await?;
    let address = "127.0.0.1:0".to_owned();
    let at = system.context().send(StartServer { address }).await?;

    let tea = r#"{"order_id":1,"article":"tea","pieces":60}"#;
    let placed = ask(&at, "POST /orders", r#"{"article":"tea","pieces":60}"#).await;
    assert_eq!(placed, (201, tea.to_owned()));
    assert_eq!(ask(&at, "GET /orders/1", "").await, (200, tea.to_owned()));
    let listed = ask(&at, "GET /orders?article=tea", "").await;
    assert_eq!(listed, (200, format!("[{tea}]")));

    let (status, problem) = ask(&at, "POST /orders", r#"{"article":"tea","pieces":60}"#).await;
    assert_eq!(status, 409);
    assert!(problem.contains("there are 40 of `tea` left"), "{problem}");

    assert_eq!(ask(&at, "DELETE /orders/1", "").await, (204, String::new()));
    assert_eq!(ask(&at, "GET /orders/1", "").await.0, 404);
    assert_eq!(ask(&at, "DELETE /orders/1", "").await.0, 404);
    let (status, page) = ask(&at, "GET /", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("0 orders"), "{page}");
    system.shutdown().await;
    Ok(())
}
