//! What Nether shall reach, as ratios within a run.

use reporting::statistics::Spread;

use crate::results::Results;
use crate::runtime::Flavour;
use crate::scenario::Scenario;

/// One promise about one scenario.
pub struct Target {
    pub what: &'static str,
    pub scenario: Scenario,
    bound: Bound,
    multi: f64,
    current: f64,
}

#[derive(Clone, Copy)]
enum Bound {
    /// At most so many times the time of the baseline.
    Time,
    /// At least so many times as much in one time.
    Rate,
}

/// How it stands with a target on one runtime.
pub struct Standing {
    pub measured: Spread,
    /// The target, as the report writes it.
    pub target: String,
    pub holds: bool,
}

pub const ALL: [Target; 9] = [
    Target {
        what: "`process`: time per message, of `mpsc`",
        scenario: Scenario::Process,
        bound: Bound::Time,
        multi: 1.0,
        current: 0.85,
    },
    Target {
        what: "Sequential `send`, exclusive: median, of `mpsc` + `oneshot`",
        scenario: Scenario::Send,
        bound: Bound::Time,
        multi: 1.15,
        current: 1.10,
    },
    Target {
        what: "Sequential `ask`, exclusive: median, of `mpsc` + `oneshot`",
        scenario: Scenario::Ask,
        bound: Bound::Time,
        multi: 1.15,
        current: 1.10,
    },
    Target {
        what: "`ask` of a shared module: median, of a direct boxed `dyn` call",
        scenario: Scenario::AskShared,
        bound: Bound::Time,
        multi: 2.0,
        current: 2.0,
    },
    Target {
        what: "64 concurrent callers: calls per second, of `mpsc` + `oneshot`",
        scenario: Scenario::Callers(64),
        bound: Bound::Rate,
        multi: 1.2,
        current: 1.1,
    },
    Target {
        what: "1,000 concurrent callers: calls per second, of `mpsc` + `oneshot`",
        scenario: Scenario::Callers(1000),
        bound: Bound::Rate,
        multi: 1.2,
        current: 1.1,
    },
    Target {
        what: "`publish` to 10: deliveries per second, of one `mpsc` per consumer",
        scenario: Scenario::Publish(10),
        bound: Bound::Rate,
        multi: 1.5,
        current: 1.3,
    },
    Target {
        what: "`publish` to 100: deliveries per second, of one `mpsc` per consumer",
        scenario: Scenario::Publish(100),
        bound: Bound::Rate,
        multi: 2.5,
        current: 2.0,
    },
    Target {
        what: "A context per command: time, of the same messages in one open context",
        scenario: Scenario::Contexts,
        bound: Bound::Time,
        multi: 1.5,
        current: 1.5,
    },
];

impl Target {
    pub fn standing(&self, results: &Results, flavour: Flavour) -> Option<Standing> {
        let ratio = results.ratio(self.scenario, flavour, "nether")?;
        let target = match flavour {
            Flavour::Multi => self.multi,
            Flavour::Current => self.current,
        };
        let (measured, sign) = match self.bound {
            Bound::Time => (ratio, '≤'),
            Bound::Rate => (ratio.inverse(), '≥'),
        };
        let holds = match self.bound {
            Bound::Time => measured.median <= target,
            Bound::Rate => measured.median >= target,
        };
        Some(Standing {
            measured,
            target: format!("{sign} {target:.2}"),
            holds,
        })
    }
}
