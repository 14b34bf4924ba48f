//! [`Scale`]: how much is done.

/// How much is done in a turn, and how often everybody has one.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub rounds: usize,
    /// Aggregates that commands are sent to.
    pub aggregates: u64,
    /// Commands to each of them. Peers read all events of an aggregate for each command, so it counts for
    /// them how many there are.
    pub commands: u64,
    /// Commands to one aggregate in memory.
    pub in_memory: u64,
    /// Aggregates whose events are replayed, and how many each has.
    pub replayed: (u64, u64),
    /// Aggregates that are touched once, to see how much memory they keep.
    pub touched: u64,
}

impl Scale {
    /// A run whose figures count.
    pub fn full(rounds: usize) -> Self {
        Scale {
            rounds,
            aggregates: 64,
            commands: 50,
            in_memory: 200_000,
            replayed: (200, 1000),
            touched: 1_000_000,
        }
    }

    /// A run that shows what runs, and not how fast.
    pub fn short(rounds: usize) -> Self {
        Scale {
            rounds,
            aggregates: 64,
            commands: 2,
            in_memory: 2_000,
            replayed: (4, 500),
            touched: 10_000,
        }
    }
}
