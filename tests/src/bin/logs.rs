//! A program that sets a subscriber of its own, for `tests/entry.rs`.

use nether::prelude::*;

#[derive(Default)]
struct Nobody;

#[module(handles = [])]
impl Nobody {}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stdout)
        .with_ansi(false)
        .without_time()
        .init();
    builder.start().await?;
    tracing::info!("in its own way");
    Ok(())
}
