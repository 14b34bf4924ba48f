//! The example's modules, under virtual time.

use std::time::Duration;

use nether::{CallError, TestSystem};

use crate::run;

#[nether::test]
async fn every_page_is_read_once(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    assert_eq!(run(&ctx, 100).await?, (100, 100));
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn cancelled_it_ends_at_once_and_nothing_fails(system: TestSystem) -> nether::Result<()> {
    let ctx = system.context();
    let cancelling = ctx.clone();
    let (told, ()) = tokio::join!(run(&ctx, 1_000_000), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancelling.cancel();
    });
    let told = told.unwrap_err();
    assert!(
        matches!(
            told.downcast_ref(),
            Some(CallError::<nether::Error>::Cancelled { .. })
        ),
        "{told}"
    );
    drop(cancelling);
    let closed = ctx.close().await.unwrap_err();
    assert!(closed.cancelled && closed.failures.is_empty(), "{closed}");
    Ok(())
}
