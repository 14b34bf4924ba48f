//! Aggregates that are not used leave memory, as long as the module runs that has them.

use std::time::Duration;

use tokio::time::sleep;

use crate::context::Context;
use crate::eventstore::follower::{EventFailure, guarded_now};
use crate::race::race;
use crate::routing::Caller;

/// Runs `passivate` at these intervals until the module has to stop, for a module that is declared under that
/// name.
pub(in crate::eventstore) async fn passivate_every<S: Caller>(
    interval: Duration,
    module: &'static str,
    ctx: &Context<S>,
    passivate: impl Fn(),
) {
    while !ctx.is_cancelled() {
        race(sleep(interval), ctx.cancelled()).await;
        // It drops aggregates, whose `Drop` may panic.
        let passivated = guarded_now(|| {
            passivate();
            Ok(())
        });
        if let Err(EventFailure { text: error, .. }) = passivated {
            tracing::error!(module, error, "an aggregate could not leave memory");
        }
    }
}
