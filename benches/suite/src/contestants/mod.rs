//! Those who take part: a file for each. To add one, implement [`Counters`](crate::contract::Counters) and
//! list it here.

mod actix;
mod broadcast;
mod coerce;
mod direct;
mod in_turn;
mod kameo;
mod message;
mod mpsc;
mod nether;
mod ractor;
mod unbounded;
mod xtra;

use crate::contract::Counters;
use crate::drive::{self, Asked, Sent};
use crate::load::{Drive, Load};
use crate::runtime::{Engine, Flavour};
use crate::scenario::Scenario;

use self::in_turn::InTurn;

/// Its work in a scenario, or why it has none.
pub type Run = fn(Scenario, Flavour, Load) -> Result<Drive, &'static str>;

/// One who takes part, in one configuration.
#[derive(Clone, Copy)]
pub struct Contestant {
    /// What `--who` and `results.json` call it.
    pub id: &'static str,
    /// The crate whose version the report states.
    pub package: &'static str,
    /// How it is set up.
    pub setting: &'static str,
    pub engine: Engine,
    pub run: Run,
}

/// All, Nether first, then what all are made of, then the peers.
pub const ALL: [Contestant; 17] = [
    nether::ISOLATED,
    nether::ONE_CONTEXT,
    nether::ONE_CONTEXT_AWAITED,
    mpsc::ONE_BY_ONE,
    mpsc::MANY,
    unbounded::UNBOUNDED,
    broadcast::BROADCAST,
    direct::DIRECT,
    kameo::DEFAULT,
    kameo::UNBOUNDED,
    ractor::DEFAULT,
    ractor::OUTPUT_PORT,
    actix::DEFAULT,
    actix::ROOMY,
    xtra::UNBOUNDED,
    xtra::BOUNDED,
    coerce::DEFAULT,
];

const NOT_SHARED: &str = "its actors handle one message at a time, reads included";
const NO_CONTEXTS: &str = "it has no units of work";
pub const NOT_MEANT: &str = "it is here for another scenario";

/// The work of an actor that does everything through its address, to several in turn.
fn actors(
    contestant: impl Counters + Sync,
    scenario: Scenario,
    load: Load,
) -> Result<Drive, &'static str> {
    Ok(match scenario {
        Scenario::Process => Box::pin(drive::process(contestant, load)),
        Scenario::Send => Box::pin(drive::calls::<Sent>(contestant, load)),
        Scenario::Ask => Box::pin(drive::calls::<Asked>(contestant, load)),
        Scenario::SendShared | Scenario::AskShared => return Err(NOT_SHARED),
        Scenario::Callers(callers) => Box::pin(drive::callers(contestant, callers, load)),
        Scenario::Publish(members) => Box::pin(drive::publish(InTurn(contestant), members, load)),
        Scenario::Pairs(pairs) => Box::pin(drive::pairs(InTurn(contestant), pairs, load)),
        Scenario::Idle(members) => Box::pin(drive::idle(InTurn(contestant), members, load)),
        Scenario::Contexts | Scenario::OpenContexts => return Err(NO_CONTEXTS),
    })
}
