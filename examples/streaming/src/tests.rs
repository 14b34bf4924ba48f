//! The example's modules, under virtual time.

use std::time::Duration;

use nether::TestSystem;

use crate::run;

#[nether::test]
async fn every_page_is_read_once(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    assert_eq!(run(&ctx, 100).await?, (100, 100));
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn cancelled_it_ends_and_says_how_far_it_came(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    let cancelling = ctx.clone();
    let (told, ()) = tokio::join!(run(&ctx, 1_000_000), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancelling.cancel();
    });
    let (fetched, read) = told?;
    // The workers are slower than the fetcher alone, and faster together.
    assert!((90..=100).contains(&fetched), "{fetched} fetched");
    assert!(fetched - read <= 6, "{read} of {fetched} read");
    drop(cancelling);
    assert!(ctx.close().await.unwrap_err().cancelled);
    Ok(())
}
