//! [`CatchUp`]: reports how far a projection or saga has come that has many events to read.

use std::time::Duration;

use tokio::time::Instant;

use crate::context::{Context, announce};
use crate::eventstore::backend::Position;
use crate::eventstore::events::CatchingUp;
use crate::routing::Caller;

/// How often it is reported.
const INTERVAL: Duration = Duration::from_secs(1);

/// From the beginning of a catching up to its end.
pub(super) struct CatchUp {
    name: &'static str,
    rebuild: bool,
    began: Instant,
    reported: Instant,
    events: u64,
}

impl CatchUp {
    pub(super) fn begin(name: &'static str, rebuild: bool) -> Self {
        let now = Instant::now();
        CatchUp {
            name,
            rebuild,
            began: now,
            reported: now,
            events: 0,
        }
    }

    /// So many more events are read; that is reported if it is time.
    pub(super) fn read<S: Caller>(
        &mut self,
        count: usize,
        position: Position,
        head: Position,
        ctx: &Context<S>,
    ) {
        self.events += count as u64;
        if self.reported.elapsed() >= INTERVAL {
            self.report(position, head, ctx);
        }
    }

    /// It is done.
    pub(super) fn end<S: Caller>(mut self, position: Position, ctx: &Context<S>) {
        self.report(position, position, ctx);
    }

    fn report<S: Caller>(&mut self, position: Position, head: Position, ctx: &Context<S>) {
        self.reported = Instant::now();
        let milliseconds = self.began.elapsed().as_millis().max(1);
        let rate = u128::from(self.events) * 1000 / milliseconds;
        announce(ctx.handle(), || CatchingUp {
            name: self.name.to_owned(),
            rebuild: self.rebuild,
            position: position.0,
            head: head.0,
            events: self.events,
            events_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
        });
    }
}
