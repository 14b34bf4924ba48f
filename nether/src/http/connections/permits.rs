//! [`Permits`]: how many requests may be at work, over all connections and on one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::connections::body::Intake;

/// The place of a request among those that may be at work, for as long as a clone of it is held. The default
/// is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestPermit(Arc<PermitHeld>);

/// A place among all requests, and among those of the connection.
#[derive(Debug, Default)]
struct PermitHeld {
    #[expect(dead_code)]
    place: Option<OwnedSemaphorePermit>,
    of_connection: Arc<AtomicUsize>,
    /// What its body takes of the memory for bodies. A command that goes on without its client still has what
    /// it was sent.
    #[expect(dead_code)]
    intake: Option<Arc<Intake>>,
    /// Whether a command has begun, which is finished whether or not its client stays.
    has_begun: AtomicBool,
}

impl RequestPermit {
    /// A command begins.
    pub(crate) fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.has_begun.load(Ordering::Relaxed)
    }
}

impl Drop for PermitHeld {
    fn drop(&mut self) {
        self.of_connection.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places that the requests of a connection may take.
#[derive(Debug)]
pub(crate) struct Permits {
    /// One for each request of all connections.
    all: Arc<Semaphore>,
    /// How many this connection has taken. A command keeps its place until it is done, also if its client
    /// resets the stream, and opens the next one at once.
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl Permits {
    /// Those of a connection that may take `most` of them.
    pub(crate) fn new(all: Arc<Semaphore>, most: usize) -> Self {
        Permits {
            all,
            taken: Arc::default(),
            most,
        }
    }

    /// Takes a place for a request with that body.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn take(&self, intake: Option<Arc<Intake>>) -> Result<RequestPermit, &'static str> {
        let place = Arc::clone(&self.all).try_acquire_owned();
        let place = place.map_err(|_| "as many requests are at work as may be")?;
        let of_connection = Arc::clone(&self.taken);
        let taken = of_connection.fetch_add(1, Ordering::Relaxed);
        let held = PermitHeld {
            place: Some(place),
            of_connection,
            intake,
            has_begun: AtomicBool::new(false),
        };
        if taken >= self.most {
            return Err("as many requests of one connection are at work as may be");
        }
        Ok(RequestPermit(Arc::new(held)))
    }
}
