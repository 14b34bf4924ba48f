//! [`Run`]: what processes on one database have done, and [`check`](Run::check), which finds what must not be
//! in it.
//!
//! Every command appends a number of its own to the list of a key, and its reply is the list. So lists of one
//! key are prefixes of each other, which makes a history linearizable without a search, as in Elle
//! (jepsen-io/elle). A projection has one effect for each number, and a saga one note.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// What a client has asked for: to append a number to a list, or to read the list.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The process that has sent it.
    pub process: String,
    /// The key of the list.
    pub key: String,
    /// The number, which no other operation has.
    pub number: u64,
    /// Whether it only reads the list, so that its number is in none.
    pub is_read: bool,
    /// When it was sent, in nanoseconds by the clock of this machine.
    pub began: u64,
    /// When its outcome was known.
    pub ended: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and this was the list then.
    Ok(Vec<u64>),
    /// It was refused: the number is in no list.
    Failed,
    /// It may have been done, also later.
    Unknown,
}

/// An event in the store.
#[derive(Debug, Clone)]
pub struct StoredNumber {
    /// Its position.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// Its version in the stream.
    pub version: u64,
    /// What it says.
    pub said: Said,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A number was appended to the list of that key.
    Added(String, u64),
    /// The saga of a number has done its work.
    Noted(u64),
    /// Something else.
    Other,
}

/// A row that a projection has written for a number.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The position of the event.
    pub position: u64,
    /// The key of the list.
    pub key: String,
    /// The number.
    pub number: u64,
    /// The process that has written it.
    pub process: String,
    /// The epoch of the lease then.
    pub epoch: u64,
}

/// All that is known of a run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// What clients have done.
    pub operations: Vec<Operation>,
    /// The events, by position.
    pub log: Vec<StoredNumber>,
    /// The rows of the projection, in the order in which they were written.
    pub effects: Vec<Effect>,
    /// The sums that the projection has added up, by key.
    pub sums: BTreeMap<String, u64>,
    /// The numbers whose events are parked.
    pub parked: BTreeSet<u64>,
    /// The positions that each follower of the store has seen, in order.
    pub followers: Vec<Vec<u64>>,
}

/// What a run must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What was acknowledged is stored, and has its effects or is parked.
    NoLoss,
    /// Every number has one event, one row and one note, and the sums are right.
    OneEffect,
    /// The numbers of one process for one key have their rows in the order in which they were sent.
    OrderPerKey,
    /// Positions and versions have no gaps, and followers see each position once and in order.
    Log,
    /// No row was written by a process whose lease another one had taken.
    Fence,
    /// The lists of one key are prefixes of each other, and real time is respected.
    Linearizable,
}

/// A place where a run breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}

/// The violations that were found.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, rule: Rule, text: String) {
        self.0.push(Violation { rule, text });
    }
}

impl Run {
    /// Finds all places where the run breaks a rule. It must have come to rest: all events are handled.
    pub fn check(&self) -> Vec<Violation> {
        let mut findings = Findings::default();
        self.check_loss(&mut findings);
        self.check_effects(&mut findings);
        self.check_order(&mut findings);
        self.check_log(&mut findings);
        self.check_followers(&mut findings);
        self.check_fence(&mut findings);
        for (key, operations) in self.by_key() {
            self.check_lists(key, &operations, &mut findings);
        }
        findings.0
    }

    /// Panics with all that [`check`](Run::check) finds.
    ///
    /// # Panics
    /// If it finds something.
    pub fn assert_clean(&self) {
        let found: Vec<_> = self.check().iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    fn added(&self) -> impl Iterator<Item = (&str, u64)> {
        self.log.iter().filter_map(|event| match &event.said {
            Said::Added(key, number) => Some((&**key, *number)),
            Said::Noted(_) | Said::Other => None,
        })
    }

    fn noted(&self) -> impl Iterator<Item = u64> {
        self.log.iter().filter_map(|event| match event.said {
            Said::Noted(number) => Some(number),
            Said::Added(..) | Said::Other => None,
        })
    }

    fn by_key(&self) -> BTreeMap<&str, Vec<&Operation>> {
        let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
        for operation in &self.operations {
            by_key.entry(&operation.key).or_default().push(operation);
        }
        by_key
    }

    fn check_loss(&self, findings: &mut Findings) {
        let stored: BTreeSet<u64> = self.added().map(|(_, number)| number).collect();
        let written: BTreeSet<u64> = self.effects.iter().map(|it| it.number).collect();
        let noted: BTreeSet<u64> = self.noted().collect();
        for operation in self.operations.iter().filter(|it| !it.is_read) {
            let (number, is_stored) = (operation.number, stored.contains(&operation.number));
            match &operation.outcome {
                Outcome::Ok(_) if !is_stored => {
                    findings.add(
                        Rule::NoLoss,
                        format!("{number} was acknowledged, and is not stored"),
                    );
                }
                Outcome::Failed if is_stored => {
                    findings.add(Rule::NoLoss, format!("{number} was refused, and is stored"));
                }
                _ => {}
            }
        }
        for number in stored.difference(&written) {
            if !self.parked.contains(number) {
                findings.add(Rule::NoLoss, format!("{number} is stored, and has no row"));
            }
        }
        for number in stored.difference(&noted) {
            findings.add(Rule::NoLoss, format!("{number} is stored, and has no note"));
        }
        for number in written.union(&noted).filter(|it| !stored.contains(it)) {
            let text = format!("{number} has a row or a note, and is not stored");
            findings.add(Rule::NoLoss, text);
        }
    }

    fn check_effects(&self, findings: &mut Findings) {
        let kinds: [(&str, Vec<u64>); 3] = [
            ("events", self.added().map(|(_, number)| number).collect()),
            ("rows", self.effects.iter().map(|it| it.number).collect()),
            ("notes", self.noted().collect()),
        ];
        for (kind, numbers) in kinds {
            let mut counts = BTreeMap::new();
            for number in numbers {
                *counts.entry(number).or_insert(0) += 1;
            }
            for (number, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
                findings.add(Rule::OneEffect, format!("{number} has {count} {kind}"));
            }
        }
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for (key, number) in self
            .added()
            .filter(|(_, number)| !self.parked.contains(number))
        {
            *sums.entry(key.to_owned()).or_default() += number;
        }
        if sums != self.sums {
            let text = format!("the sums are {:?}, and should be {sums:?}", self.sums);
            findings.add(Rule::OneEffect, text);
        }
    }

    fn check_order(&self, findings: &mut Findings) {
        let sent: HashMap<u64, &Operation> =
            self.operations.iter().map(|it| (it.number, it)).collect();
        let mut last: HashMap<(&str, &str), &Operation> = HashMap::new();
        for effect in &self.effects {
            let Some(operation) = sent.get(&effect.number) else {
                continue;
            };
            let of = (&*operation.process, &*operation.key);
            if let Some(before) = last.insert(of, operation)
                && before.began > operation.began
            {
                let text = format!(
                    "the row of {} comes after that of {}, which was sent later to the same key",
                    operation.number, before.number
                );
                findings.add(Rule::OrderPerKey, text);
            }
        }
    }

    fn check_log(&self, findings: &mut Findings) {
        let mut versions: HashMap<&str, u64> = HashMap::new();
        for (event, expected) in self.log.iter().zip(1..) {
            if event.position != expected {
                let text = format!("position {expected} is missing before {}", event.position);
                findings.add(Rule::Log, text);
                break;
            }
        }
        for event in &self.log {
            let version = versions.entry(&event.stream).or_default();
            *version += 1;
            if event.version != *version {
                let text = format!(
                    "the event at position {} is version {} of `{}`, and should be {version}",
                    event.position, event.version, event.stream
                );
                findings.add(Rule::Log, text);
                *version = event.version;
            }
        }
    }

    fn check_followers(&self, findings: &mut Findings) {
        for seen in &self.followers {
            for pair in seen.windows(2).filter(|pair| pair[1] != pair[0] + 1) {
                let text = format!("a follower has seen {} after {}", pair[1], pair[0]);
                findings.add(Rule::Log, text);
            }
        }
    }

    fn check_fence(&self, findings: &mut Findings) {
        let (mut newest, mut holders) = (0, BTreeMap::new());
        for effect in &self.effects {
            if effect.epoch < newest {
                let text = format!(
                    "the row of {} is of epoch {}, and comes after one of epoch {newest}",
                    effect.number, effect.epoch
                );
                findings.add(Rule::Fence, text);
            }
            newest = newest.max(effect.epoch);
            let holder = holders.entry(effect.epoch).or_insert(&effect.process);
            if **holder != effect.process {
                let text = format!(
                    "the row of {} was written by `{}` in the epoch {} of `{holder}`",
                    effect.number, effect.process, effect.epoch
                );
                findings.add(Rule::Fence, text);
            }
        }
    }

    /// Checks the lists of one key: against the one that is stored, and in the order of time.
    fn check_lists(&self, key: &str, operations: &[&Operation], findings: &mut Findings) {
        let of_key = self.added().filter(|(of, _)| *of == key);
        let stored: Vec<u64> = of_key.map(|(_, number)| number).collect();
        let mut read: Vec<(&Operation, usize)> = Vec::new();
        for operation in operations {
            let Outcome::Ok(list) = &operation.outcome else {
                continue;
            };
            let number = operation.number;
            if !stored.starts_with(list) {
                let text = format!(
                    "the list {list:?} that {number} has returned is no prefix of {stored:?}"
                );
                findings.add(Rule::Linearizable, text);
            } else if !operation.is_read && list.last() != Some(&number) {
                let text = format!("the list that {number} has returned does not end with it");
                findings.add(Rule::Linearizable, text);
            }
            let newest = operations.iter().find(|it| list.last() == Some(&it.number));
            if newest.is_some_and(|it| it.began > operation.ended) {
                let text = format!("the list that {number} has returned has what was sent later");
                findings.add(Rule::Linearizable, text);
            }
            read.push((operation, list.len()));
        }
        // Lists that are prefixes of one list are in the order of their lengths: no one that began after
        // another had ended is shorter.
        read.sort_unstable_by_key(|(operation, _)| operation.began);
        let mut by_end = read.clone();
        by_end.sort_unstable_by_key(|(operation, _)| operation.ended);
        let (mut ended, mut longest) = (by_end.into_iter().peekable(), (0, 0));
        for (operation, length) in read {
            while let Some((before, length)) = ended.next_if(|it| it.0.ended < operation.began) {
                longest = longest.max((length, before.number));
            }
            if length < longest.0 {
                let text = format!(
                    "the list that {} has returned lacks {}, which was acknowledged before",
                    operation.number, longest.1
                );
                findings.add(Rule::Linearizable, text);
            }
        }
    }
}
