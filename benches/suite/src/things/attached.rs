//! Modules that come and go beside many others, all of which handle one event.

use std::time::Instant;

use nether::prelude::*;

use crate::things::Figures;

#[event(local)]
struct Rang;

struct Ears;

#[module(handles = Rang, manual)]
impl Ears {
    async fn rang(&mut self, _: &Rang) {}
}

/// Whether attaching is timed, or detaching.
#[derive(Clone, Copy)]
pub(super) enum Attaching {
    In,
    Out,
}

/// How many come and go.
const TIMES: usize = 500;

pub(super) async fn attached(timed: Attaching, beside: usize) -> Figures {
    let system = System::builder().isolated().start().await;
    let system = system.expect("an empty system starts");
    let mut others = Vec::with_capacity(beside);
    for _ in 0..beside {
        others.push(system.attach(Ears).await.expect("events are for all"));
    }
    let mut attached = Vec::with_capacity(TIMES);
    let begun = Instant::now();
    for _ in 0..TIMES {
        attached.push(system.attach(Ears).await.expect("events are for all"));
    }
    let attaching = begun.elapsed();
    let begun = Instant::now();
    for attached in attached {
        system.detach(attached).await;
    }
    let took = match timed {
        Attaching::In => attaching,
        Attaching::Out => begun.elapsed(),
    };
    Figures {
        nanos: took.as_nanos() as f64 / TIMES as f64,
        bytes: None,
    }
}
