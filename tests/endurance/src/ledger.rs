//! [`Ledger`]: what was sent in one round, what became of it, and what the sender got.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nether::{ContextError, ContextId, FailureKind, Outcome};

use crate::ticket::Fate;

/// How many violations are kept.
const MOST: usize = 20;

/// The books of one round. Senders, handlers and the monitor write them; `audit` reads them at the end.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// How much rarer misfortunes are: 1 in a test with virtual time, more where restarts take real time.
    pub(crate) mildness: u64,
    numbers: AtomicU64,
    /// Units of work that were opened and those that have ended.
    pub(crate) opened: AtomicU64,
    pub(crate) ended: AtomicU64,
    /// Commands and queries of which the sender knows that they were accepted.
    accepted: AtomicU64,
    /// Whether no more units of work are to be opened.
    is_over: AtomicBool,
    pub(crate) books: Mutex<Books>,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Commands and queries of which the sender does not know whether they were accepted: it gave up, or its
    /// error may be a refusal or a dead letter.
    pub(crate) doubtful: Vec<Arc<Fate>>,
    /// The published events; whether `publish` said that they were accepted.
    pub(crate) events: Vec<(Arc<Fate>, bool)>,
    /// By the number of a message, a bit for each module of which it is a dead letter.
    pub(crate) dead: HashMap<u64, u32>,
    /// The reports that the monitor has seen.
    pub(crate) reports: Reports,
    /// The units of work in which something failed.
    pub(crate) accounts: HashMap<ContextId, Account>,
    /// How each unit of work was to end, to be printed with what is wrong with it.
    pub(crate) endings: HashMap<ContextId, Ending>,
    pub(crate) violations: Vec<String>,
}

/// How a unit of work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    Cancelled,
    CancelledLater,
    Dropped,
    /// The future of `close` was dropped.
    CloseDropped,
    /// Closed while a producer of its stream was held.
    StreamHeld,
    /// It was given a deadline before it was closed.
    Late,
}

/// How many reports the monitor has seen.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Reports {
    pub(crate) failures: u64,
    pub(crate) dead_letters: u64,
    pub(crate) tasks: u64,
}

/// The failures of one unit of work.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// What failed or became a dead letter, by its number and module.
    pub(crate) failed: Vec<(u64, String)>,
    /// How many errors callers got that a handler caused.
    pub(crate) taken: u64,
    /// How many errors callers got that may be the reason of a dead letter, or a refusal.
    pub(crate) doubtful: u64,
    /// How many failures `close` listed.
    pub(crate) listed: u64,
    /// How much was in flight when `close` returned.
    pub(crate) unfinished: u64,
}

impl Ledger {
    pub(crate) fn new(mildness: u64) -> Self {
        Ledger {
            mildness,
            numbers: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            books: Mutex::default(),
        }
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// How many messages have been made so far.
    pub(crate) fn made(&self) -> u64 {
        self.numbers.load(Ordering::Relaxed)
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages the sender knows to be accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// A promise is broken.
    pub(crate) fn accuse(&self, violation: impl fmt::Display) {
        let mut books = self.books();
        if books.violations.len() < MOST {
            books.violations.push(violation.to_string());
        }
    }

    pub(crate) fn with_account(&self, context: ContextId, note: impl FnOnce(&mut Account)) {
        note(self.books().accounts.entry(context).or_default());
    }

    pub(crate) fn note_ending(&self, context: ContextId, ending: Ending) {
        self.books().endings.insert(context, ending);
    }

    /// What `close` returned.
    pub(crate) fn note_close(&self, context: ContextId, closed: Result<Outcome, ContextError>) {
        let Err(error) = closed else { return };
        let is_message = |kind: &FailureKind| {
            !matches!(kind, FailureKind::Nested(_) | FailureKind::HeldStream(_))
        };
        let failures = error.failures.iter();
        let mut listed: Vec<_> = failures
            .clone()
            .filter(|failure| is_message(&failure.kind))
            .map(|failure| (failure.sequence, failure.module))
            .collect();
        let count = listed.len();
        listed.sort_unstable();
        listed.dedup();
        if listed.len() < count {
            self.accuse(format_args!("a failure is listed twice: {error}"));
        }
        let is_excused = error.cancelled || error.unfinished > 0 || error.deadlock.is_some();
        if error.failures.is_empty() && !is_excused {
            self.accuse(format_args!("`close` failed for no reason: {error:?}"));
        }
        self.with_account(context, |account| {
            account.listed += count as u64;
            account.unfinished += error.unfinished;
        });
    }
}
