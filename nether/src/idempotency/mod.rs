//! The store of idempotency keys: which requests were begun under which key, and what they came to.
//!
//! A key goes through these states. Nothing but the end of its time makes a key free that was begun.
//!
//! ```text
//! free -- claim --> in progress -- answered --> answered -- a day later --> free
//!                        |-- never begun ----> free
//!                        `-- cut off --------> unknown --- a day later --> free
//! ```
//!
//! [`KeysInMemory`] forgets with the process. The event store has another one, which does not: there, a key
//! that a process claimed and did not settle before it died is unknown.

mod budget;
mod index;
mod memory;
#[cfg(test)]
mod model;

pub(crate) use self::budget::{KeyLimits, KeyOwner};
#[cfg(feature = "eventstore")]
pub(crate) use self::index::{KeyIndex, NoRoom};
pub(crate) use self::memory::KeysInMemory;

use std::pin::Pin;
use std::sync::Arc;

use crate::error::Result;

/// The name under which a key is kept: a hash of the key, of who uses it, and of what for.
pub(crate) type KeyName = [u8; 32];

/// A request with a key.
#[derive(Debug, Clone)]
pub(crate) struct KeyedRequest {
    pub(crate) name: KeyName,
    /// The hash of its content. Using the key for another content is an error of the client.
    pub(crate) fingerprint: [u8; 32],
    /// In whose share it is kept.
    pub(crate) owner: KeyOwner,
    /// Whether it may be handled again if its outcome is unknown, because the command does nothing twice.
    pub(crate) resumes: bool,
}

/// The result of an attempt to claim a key.
#[derive(Debug)]
pub(crate) enum KeyClaim {
    /// It was free, and is in progress from now on.
    Claimed,
    /// It was used before, and this was the answer.
    Answered(Arc<StoredAnswer>),
    InProgress,
    /// Another process claimed it so many seconds ago, and has not settled it.
    #[cfg_attr(not(feature = "eventstore"), expect(dead_code))]
    InProgressElsewhere(u64),
    /// Its request was begun and cut off: it is not known how far it came.
    Unknown,
    /// It was used for another request.
    OtherRequest,
    /// There is no room for another key: of this owner, or of all.
    Full,
}

/// How a request ended that had claimed its key.
#[derive(Debug)]
pub(crate) enum KeyEnd {
    /// Its command was never begun, so the key is free again.
    NeverBegun,
    /// It was cut off.
    Unknown,
    Answered(StoredAnswer),
}

/// An answer, to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredAnswer {
    pub(crate) status: u16,
    /// Names and values.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// `None` if there was no room for it.
    pub(crate) body: Option<Vec<u8>>,
}

impl StoredAnswer {
    /// How many bytes it takes.
    fn length(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + value.len());
        headers.sum::<usize>() + self.body.as_ref().map_or(0, Vec::len)
    }

    /// The answer without what may be long.
    pub(crate) fn without_body(&self) -> Self {
        StoredAnswer {
            status: self.status,
            headers: Vec::new(),
            body: None,
        }
    }
}

/// The future of the methods of a [`KeyStore`].
pub(crate) type KeyFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where keys are kept.
pub(crate) trait KeyStore: Send + Sync {
    /// Claims the key of a request, if it is free.
    ///
    /// # Errors
    /// Why that could not be known or written. The key is not claimed then.
    fn claim<'a>(&'a self, request: &'a KeyedRequest) -> KeyFuture<'a, Result<KeyClaim>>;

    /// Settles a key that this request has claimed.
    fn settle<'a>(&'a self, request: &'a KeyedRequest, end: KeyEnd) -> KeyFuture<'a, ()>;

    /// Notes that the key which this request has claimed will not be settled.
    fn abandon(&self, request: &KeyedRequest);
}
