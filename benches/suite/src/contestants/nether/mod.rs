//! Nether: an isolated system, modules attached by hand, its public API alone.

mod audience;
mod contexts;
mod crowd;
mod exclusive;
mod opened;
mod shared;

use nether::System;

use crate::contestants::{Contestant, NOT_MEANT};
use crate::drive::{self, Asked, Sent};
use crate::runtime::Engine;
use crate::scenario::Scenario;

use self::audience::Listeners;
use self::contexts::Work;
use self::crowd::Eight;
use self::exclusive::Exclusive;
use self::shared::Shared;

pub(super) const ISOLATED: Contestant = Contestant {
    id: "nether",
    package: "nether",
    setting: "as it comes (mailboxes of 1024); each producer and caller has an open context of its own",
    engine: Engine::Tokio,
    run: |scenario, _, load| {
        Ok(match scenario {
            Scenario::Process => Box::pin(drive::process(Exclusive, load)),
            Scenario::Send => Box::pin(drive::calls::<Sent>(Exclusive, load)),
            Scenario::Ask => Box::pin(drive::calls::<Asked>(Exclusive, load)),
            Scenario::SendShared => Box::pin(drive::calls::<Sent>(Shared, load)),
            Scenario::AskShared => Box::pin(drive::calls::<Asked>(Shared, load)),
            Scenario::Callers(callers) => Box::pin(drive::callers(Exclusive, callers, load)),
            Scenario::Publish(members) => Box::pin(drive::publish(Listeners, members, load)),
            Scenario::Pairs(pairs) => Box::pin(drive::pairs(Eight, pairs, load)),
            Scenario::Idle(members) => Box::pin(drive::idle(Listeners, members, load)),
            Scenario::OpenContexts => Box::pin(contexts::open(load)),
            Scenario::Contexts => Box::pin(contexts::contexts(Work::ContextEach, load)),
        })
    },
};

pub(super) const ONE_CONTEXT: Contestant = Contestant {
    id: "nether-one-context",
    package: "nether",
    setting: "the same commands and events in one open context, closed at the end",
    engine: Engine::Tokio,
    run: |scenario, _, load| match scenario {
        Scenario::Contexts => Ok(Box::pin(contexts::contexts(Work::OneContext, load))),
        _ => Err(NOT_MEANT),
    },
};

pub(super) const ONE_CONTEXT_AWAITED: Contestant = Contestant {
    id: "nether-one-context-awaited",
    package: "nether",
    setting: "the same in one open context, the driver told by the last handler before it goes on",
    engine: Engine::Tokio,
    run: |scenario, _, load| match scenario {
        Scenario::Contexts => Ok(Box::pin(contexts::contexts(Work::OneContextAwaited, load))),
        _ => Err(NOT_MEANT),
    },
};

/// A system with nothing in it.
async fn empty() -> System {
    System::builder()
        .isolated()
        .start()
        .await
        .expect("an empty system starts")
}
