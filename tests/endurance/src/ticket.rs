//! [`Draw`]: what each message carries, and its [`Ticket`], by which the ledger knows what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::panicking;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::ledger::Ledger;
use crate::luck::Luck;

static PANICKED_DROPS: AtomicUsize = AtomicUsize::new(0);

/// How many messages have panicked when they were dropped.
pub fn panicked_drops() -> usize {
    PANICKED_DROPS.load(Ordering::Relaxed)
}

/// What became of a message, as far as its handlers saw it.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) number: u64,
    pub(crate) ledger: Arc<Ledger>,
    /// A bit for each module that has begun to handle it: one, unless the message is an event.
    begun: AtomicU32,
}

impl Fate {
    /// The modules that have begun to handle it.
    pub(crate) fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }
}

/// The identity of a message, which all of its copies share. As JSON it is a number.
#[derive(Debug, Clone)]
pub(crate) struct Ticket(Arc<Fate>);

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.number)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("a ticket is only written"))
    }
}

/// What a message brings to its handler.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Draw {
    ticket: Ticket,
    luck: u64,
    /// How many more generations of messages it may cause.
    pub(crate) left: u8,
    /// Whether it can be copied.
    is_unique: bool,
    /// Whether its `Drop` panics.
    is_sticky: bool,
}

impl Draw {
    pub(crate) fn new(ledger: &Arc<Ledger>, luck: &mut Luck, left: u8) -> Self {
        let harm = luck.below(256 * ledger.mildness);
        Draw {
            ticket: Ticket(Arc::new(Fate {
                number: ledger.next_number(),
                ledger: Arc::clone(ledger),
                begun: AtomicU32::new(0),
            })),
            luck: luck.next(),
            left,
            is_unique: harm == 0,
            is_sticky: harm == 1,
        }
    }

    pub(crate) fn fate(&self) -> Arc<Fate> {
        Arc::clone(&self.ticket.0)
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ticket.0.ledger
    }

    pub(crate) fn luck(&self) -> Luck {
        Luck::new(self.luck)
    }

    /// Lets it be dropped where a panic would be the fault of the world.
    pub(crate) fn disarm(&mut self) {
        self.is_sticky = false;
    }

    /// A handler has begun. `bit` is the module's; a message `is_retried` if its handler may see it again.
    pub(crate) fn begin(&self, bit: u32, is_retried: bool) {
        let fate = &self.ticket.0;
        let before = fate.begun.fetch_or(1 << bit, Ordering::SeqCst);
        if before & (1 << bit) != 0 && !is_retried {
            let number = fate.number;
            self.ledger()
                .accuse(format_args!("message {number} was handled twice"));
        }
    }

    /// The handler of a query was dropped with its caller, so the query does not count.
    pub(crate) fn unbegin(&self) {
        self.ticket.0.begun.store(0, Ordering::SeqCst);
    }
}

impl Clone for Draw {
    fn clone(&self) -> Self {
        if self.is_unique {
            // It fails without being handled.
            self.ticket.0.begun.fetch_or(1, Ordering::SeqCst);
            panic!("there is but one");
        }
        Draw {
            ticket: self.ticket.clone(),
            luck: self.luck,
            left: self.left,
            is_unique: false,
            is_sticky: false,
        }
    }
}

impl Drop for Draw {
    fn drop(&mut self) {
        if self.is_sticky && !panicking() {
            PANICKED_DROPS.fetch_add(1, Ordering::Relaxed);
            panic!("does not go away");
        }
    }
}
