//! [`HandlingPolicy`]: how long code of the user's may take that event sourcing awaits, and how often it is
//! tried again.
//!
//! Only what waits can be cut off: code that computes or blocks its thread runs to its end.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use crate::context::Context;
use crate::error::FailureKind;
use crate::guarded::HandlerFault;
use crate::module::Backoff;
use crate::race::race;
use crate::routing::Caller;

/// What `timeout`, `retry` and `backoff` say of an aggregate, a projection or a saga.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct HandlingPolicy {
    pub timeout: Option<Duration>,
    /// How often something that failed is tried again.
    pub retries: u8,
    pub backoff: Backoff,
}

/// Why something was cut off.
#[derive(Debug)]
pub(super) enum CutOff {
    /// It took longer than this.
    TimedOut(Duration),
    /// Its unit of work was cancelled, or the deadline of that passed.
    UnitEnded(FailureKind),
}

impl From<CutOff> for HandlerFault {
    fn from(cut_off: CutOff) -> Self {
        match cut_off {
            CutOff::TimedOut(limit) => HandlerFault::TimedOut(Box::new(limit)),
            CutOff::UnitEnded(reason) => HandlerFault::UnitEnded(Box::new(reason)),
        }
    }
}

/// Awaits something, but no longer than `limit`, and not after its unit of work is cancelled or late.
///
/// # Errors
/// [`CutOff`]; then the future is dropped where it waits.
pub(super) async fn within_unit<F, S>(
    work: F,
    limit: Option<Duration>,
    ctx: &Context<S>,
) -> Result<F::Output, CutOff>
where
    F: Future + Send,
    S: Caller,
{
    let mut work = pin!(work);
    // Mostly it is ready at once, and no timer is needed.
    match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => Box::pin(race_with_unit(work, limit, ctx)).await,
    }
}

async fn race_with_unit<F, S>(
    work: Pin<&mut F>,
    limit: Option<Duration>,
    ctx: &Context<S>,
) -> Result<F::Output, CutOff>
where
    F: Future + Send,
    S: Caller,
{
    let scope = &ctx.handle().scope;
    let done = async { Ok(work.await) };
    let late = async {
        match limit {
            Some(limit) => {
                sleep(limit).await;
                Err(CutOff::TimedOut(limit))
            }
            None => std::future::pending().await,
        }
    };
    let ended = async {
        race(scope.cancelled(), scope.deadline_passed()).await;
        let reason = scope.obstacle().unwrap_or(FailureKind::Cancelled);
        Err(CutOff::UnitEnded(reason))
    };
    race(done, race(late, ended)).await
}
