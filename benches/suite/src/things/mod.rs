//! Many small things with state, each found by its key: players, rooms, carts. The program `things` measures
//! them, each time in a process of its own, since memory is read off the growth of the process.

mod actix;
mod attached;
mod drive;
mod handled;
mod kameo;
mod nether;
mod ractor;
mod rooms;

use serde::{Deserialize, Serialize};

use crate::runtime::{Engine, Flavour};
use crate::things::attached::{Attaching, attached};
use crate::things::drive::{hits, waits};
use crate::things::rooms::rooms;

/// The work that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Messages to so many things in an order that looks like chance.
    Hits(usize),
    /// A message to each of so many things, whose handlers all wait.
    Waits(usize),
    /// Messages to 100 rooms of 10 members.
    Rooms,
    /// A module is attached beside so many.
    Attach(usize),
    /// A module is detached beside so many.
    Detach(usize),
}

/// What one run found.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Nanoseconds per operation.
    pub nanos: f64,
    /// Bytes of memory per thing.
    pub bytes: Option<f64>,
}

/// The measurements of one contestant at one work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Things {
    pub work: Work,
    pub contestant: String,
    pub flavour: Flavour,
    /// Nanoseconds per operation, a value for each round.
    pub nanos: Vec<f64>,
    /// Bytes of memory per thing, likewise.
    pub bytes: Vec<f64>,
}

impl Things {
    /// The time of the round that the machine disturbed least.
    pub fn least_nanos(&self) -> f64 {
        self.nanos.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The memory of that round which needed least; `None` where memory is not measured.
    pub fn least_bytes(&self) -> Option<f64> {
        self.bytes.iter().copied().reduce(f64::min)
    }
}

impl Work {
    pub const ALL: [Work; 8] = [
        Work::Hits(10_000),
        Work::Hits(100_000),
        Work::Waits(1_000),
        Work::Rooms,
        Work::Attach(1_000),
        Work::Attach(20_000),
        Work::Detach(1_000),
        Work::Detach(20_000),
    ];

    /// What the command line calls it.
    pub fn id(self) -> String {
        match self {
            Work::Hits(things) => format!("hits-{things}"),
            Work::Waits(things) => format!("waits-{things}"),
            Work::Rooms => "rooms".into(),
            Work::Attach(modules) => format!("attach-{modules}"),
            Work::Detach(modules) => format!("detach-{modules}"),
        }
    }

    pub fn title(self) -> String {
        match self {
            Work::Hits(things) => format!("`process` to one of {things} things"),
            Work::Waits(things) => {
                format!("{things} things whose handlers wait 10 ms: until all have")
            }
            Work::Rooms => "an event to one of 100 rooms of 10: per delivery".into(),
            Work::Attach(modules) => format!("`attach` beside {modules} modules"),
            Work::Detach(modules) => format!("`detach` beside {modules} modules"),
        }
    }

    /// Those who do it.
    pub fn contestants(self) -> &'static [&'static str] {
        match self {
            Work::Hits(_) => &["nether", "nether-map", "kameo", "ractor", "actix"],
            Work::Waits(_) => &["nether", "kameo", "ractor", "actix"],
            Work::Rooms => &["nether", "actix"],
            Work::Attach(_) | Work::Detach(_) => &["nether"],
        }
    }

    /// The goal for Nether, in words and as a check.
    pub fn goal(self) -> Option<&'static str> {
        match self {
            Work::Hits(100_000) => Some("at most 400 ns and 400 bytes"),
            Work::Waits(_) => Some("less than 30 ms"),
            Work::Rooms => Some("at least as fast as actix"),
            Work::Attach(20_000) | Work::Detach(20_000) => Some("as beside 1,000"),
            Work::Hits(_) | Work::Attach(_) | Work::Detach(_) => None,
        }
    }
}

/// Does the work once, in this process. `None` if the contestant has no part in it, or fails.
pub fn run(work: Work, contestant: &str, flavour: Flavour) -> Option<Figures> {
    let engine = match contestant {
        "actix" => Engine::Actix,
        _ => Engine::Tokio,
    };
    let done = match (work, contestant) {
        (Work::Hits(things), "nether") => {
            engine.run(flavour, hits::<nether::Keyed>(flavour, things))
        }
        (Work::Hits(things), "nether-map") => {
            engine.run(flavour, hits::<nether::Map>(flavour, things))
        }
        (Work::Hits(things), "kameo") => {
            engine.run(flavour, hits::<kameo::Actors>(flavour, things))
        }
        (Work::Hits(things), "ractor") => {
            engine.run(flavour, hits::<ractor::Actors>(flavour, things))
        }
        (Work::Hits(things), "actix") => {
            engine.run(flavour, hits::<actix::Actors>(flavour, things))
        }
        (Work::Waits(things), "nether") => {
            engine.run(flavour, waits::<nether::Keyed>(flavour, things))
        }
        (Work::Waits(things), "kameo") => {
            engine.run(flavour, waits::<kameo::Actors>(flavour, things))
        }
        (Work::Waits(things), "ractor") => {
            engine.run(flavour, waits::<ractor::Actors>(flavour, things))
        }
        (Work::Waits(things), "actix") => {
            engine.run(flavour, waits::<actix::Actors>(flavour, things))
        }
        (Work::Rooms, "nether") => engine.run(flavour, rooms::<nether::Rooms>(flavour)),
        (Work::Rooms, "actix") => engine.run(flavour, rooms::<actix::Rooms>(flavour)),
        (Work::Attach(modules), "nether") => engine.run(flavour, attached(Attaching::In, modules)),
        (Work::Detach(modules), "nether") => engine.run(flavour, attached(Attaching::Out, modules)),
        _ => return None,
    };
    done.ok()
}
