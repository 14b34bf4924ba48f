//! What is compared: each scenario, its size, and what it is measured against.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// One producer to one counter.
    Process,
    /// Sequential calls that change the state.
    Send,
    /// Sequential calls that read it.
    Ask,
    /// The same to what handles calls concurrently.
    SendShared,
    AskShared,
    /// So many callers at once.
    Callers(usize),
    /// One producer to so many consumers of each message.
    Publish(usize),
    /// So many producers to as many counters.
    Pairs(usize),
    /// Units of work of a command and three events.
    Contexts,
    /// So many who do nothing. Not timed: see the program `memory`.
    Idle(usize),
    /// Units of work in which nothing happens. Not timed either.
    OpenContexts,
}

use Scenario::{
    AskShared, Callers, Contexts, Idle, OpenContexts, Pairs, Process, Publish, Send, SendShared,
};

impl Scenario {
    /// All that are timed.
    pub const ALL: [Scenario; 17] = [
        Process,
        Send,
        Scenario::Ask,
        SendShared,
        AskShared,
        Callers(1),
        Callers(8),
        Callers(64),
        Callers(1000),
        Publish(1),
        Publish(10),
        Publish(100),
        Pairs(1),
        Pairs(2),
        Pairs(4),
        Pairs(8),
        Contexts,
    ];

    /// What `--only` and `results.json` call it.
    pub fn id(self) -> String {
        match self {
            Process => "process".into(),
            Send => "send".into(),
            Scenario::Ask => "ask".into(),
            SendShared => "shared-send".into(),
            AskShared => "shared-ask".into(),
            Callers(callers) => format!("callers-{callers}"),
            Publish(consumers) => format!("publish-{consumers}"),
            Pairs(pairs) => format!("pairs-{pairs}"),
            Contexts => "contexts".into(),
            Idle(members) => format!("idle-{members}"),
            OpenContexts => "open-contexts".into(),
        }
    }

    pub fn title(self) -> String {
        match self {
            Process => "(a) `process`: one producer, one exclusive module".into(),
            Send => "(b) Sequential `send` to an exclusive module".into(),
            Scenario::Ask => "(b) Sequential `ask` of an exclusive module".into(),
            SendShared => "(b) Sequential `send` to a shared module".into(),
            AskShared => "(b) Sequential `ask` of a shared module".into(),
            Callers(1) => "(c) One caller in a task of its own".into(),
            Callers(callers) => format!("(c) {callers} concurrent callers of one module"),
            Publish(1) => "(d) `publish` to 1 module".into(),
            Publish(consumers) => format!("(d) `publish` to {consumers} modules"),
            Pairs(1) => "(e) 1 producer to 1 module".into(),
            Pairs(pairs) => format!("(e) {pairs} producers to {pairs} modules"),
            Contexts => "(g) A context per command".into(),
            Idle(members) => format!("(i) {members} idle modules"),
            OpenContexts => "(i) Open contexts".into(),
        }
    }

    /// What the time is of.
    pub fn unit(self) -> &'static str {
        match self {
            Process | Pairs(_) => "message",
            Send | Scenario::Ask | SendShared | AskShared | Callers(_) => "call",
            Publish(_) => "delivery",
            Contexts | OpenContexts => "unit of work",
            Idle(_) => "module",
        }
    }

    /// Who the others are divided by.
    pub fn baseline(self) -> &'static str {
        match self {
            SendShared | AskShared => "dyn",
            Contexts => "nether-one-context",
            _ => "mpsc",
        }
    }

    /// How many operations a turn has, if they do not take too long.
    pub fn operations(self, quick: bool) -> u64 {
        let full = match self {
            Publish(100..) => 400_000,
            Process | Pairs(_) | Publish(_) => 200_000,
            SendShared | AskShared | Callers(64..) => 100_000,
            Send | Scenario::Ask | Callers(_) => 40_000,
            Contexts => 20_000,
            Idle(_) | OpenContexts => 1_000,
        };
        if quick { full / 4 } else { full }
    }
}
