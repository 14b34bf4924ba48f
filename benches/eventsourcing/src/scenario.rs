//! [`Scenario`]: what is measured, and [`Contestant`]: who takes part in it.

/// How much is on the disk when a command returns, as SQLite calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// All of it: a loss of power loses nothing.
    Full,
    /// A loss of power may take the last moments, a crash of the process nothing.
    Normal,
}

impl Synchronous {
    pub fn name(self) -> &'static str {
        match self {
            Synchronous::Full => "full",
            Synchronous::Normal => "normal",
        }
    }
}

/// A row of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Commands to many aggregates, each sent by a task of its own at the same time.
    Together(Synchronous),
    /// Commands to the same aggregates, sent by one task one after the other.
    OneByOne(Synchronous),
    /// Commands to one aggregate whose events are in memory.
    InMemory,
    /// A projection is built anew from all events.
    Rebuild,
}

/// The contestants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    Nether,
    /// Nether, with a transaction for each event.
    Single,
    CqrsEs,
    Eventcore,
    /// A plain exclusive module, and then the append alone.
    Plain,
}

impl Scenario {
    pub const ALL: [Scenario; 6] = [
        Scenario::Together(Synchronous::Full),
        Scenario::Together(Synchronous::Normal),
        Scenario::OneByOne(Synchronous::Full),
        Scenario::OneByOne(Synchronous::Normal),
        Scenario::InMemory,
        Scenario::Rebuild,
    ];

    /// The name on the command line and in `results.json`.
    pub fn id(self) -> &'static str {
        match self {
            Scenario::Together(Synchronous::Full) => "together-full",
            Scenario::Together(Synchronous::Normal) => "together-normal",
            Scenario::OneByOne(Synchronous::Full) => "one-by-one-full",
            Scenario::OneByOne(Synchronous::Normal) => "one-by-one-normal",
            Scenario::InMemory => "in-memory",
            Scenario::Rebuild => "rebuild",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Scenario::Together(Synchronous::Full) => "64 aggregates at the same time, `FULL`",
            Scenario::Together(Synchronous::Normal) => "64 aggregates at the same time, `NORMAL`",
            Scenario::OneByOne(Synchronous::Full) => "One command after the other, `FULL`",
            Scenario::OneByOne(Synchronous::Normal) => "One command after the other, `NORMAL`",
            Scenario::InMemory => "A command in memory",
            Scenario::Rebuild => "A projection rebuilt",
        }
    }

    /// The unit of work that a time is given for.
    pub fn unit(self) -> &'static str {
        match self {
            Scenario::Together(_) | Scenario::OneByOne(_) | Scenario::InMemory => "command",
            Scenario::Rebuild => "event",
        }
    }

    /// The contestants of the row; ours is the first.
    pub fn contestants(self) -> &'static [Contestant] {
        match self {
            Scenario::Together(_) | Scenario::OneByOne(_) => &[
                Contestant::Nether,
                Contestant::Single,
                Contestant::CqrsEs,
                Contestant::Eventcore,
            ],
            Scenario::InMemory => &[Contestant::Nether, Contestant::Plain],
            Scenario::Rebuild => &[
                Contestant::Nether,
                Contestant::CqrsEs,
                Contestant::Eventcore,
            ],
        }
    }
}

impl Contestant {
    pub fn name(self) -> &'static str {
        match self {
            Contestant::Nether => "nether",
            Contestant::Single => "one transaction each",
            Contestant::CqrsEs => "cqrs-es",
            Contestant::Eventcore => "eventcore",
            Contestant::Plain => "plain module + append",
        }
    }
}
