//! What strict code serves.

use nether::eventstore::Store;
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open, post};

#[tokio::test]
async fn what_strict_code_serves_is_served() -> nether::Result<()> {
    let builder = System::builder().provide(1_u64).provide(Store::memory());
    let system = builder.start().await?;
    let at = open(&system, Server::new(&system)).await;
    assert_eq!(post(&at, "/sums/5", "{}").await.body, "7");
    assert_eq!(get(&at, "/sums").await.body, "7");
    assert_eq!(get(&at, "/own").await.body, "own");
    Ok(())
}
