#![allow(unused_imports)]
use nether::{TestSystem, prelude::*};

#[nether::test]
#[tokio::test(flavor = "current_thread")]
async fn nothing_happens(system: TestSystem) -> nether::Result<()> {
    system.context().close().await?;
    Ok(())
}

fn main() {}
