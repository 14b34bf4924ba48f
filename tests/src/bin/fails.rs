//! A program whose `main` fails, for `tests/entry.rs`.

use nether::System;

#[derive(Debug, thiserror::Error)]
#[error("cannot read the price list")]
struct NoPrices(#[source] std::num::ParseIntError);

#[nether::main(flavor = "current_thread")]
async fn main(_: System) -> nether::Result<()> {
    tracing::warn!("a warning");
    tracing::debug!("for those who ask");
    if std::env::args().any(|argument| argument == "--forged") {
        return Err(nether::Error::msg("no\nERROR admin: \u{1b}[31mforged"));
    }
    "many".parse::<u32>().map_err(NoPrices)?;
    Ok(())
}
