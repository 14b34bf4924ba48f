//! [`Permits`]: how many requests may be at work, over all connections and on one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::connections::body::Intake;

/// The place of a request among those that may be at work, for as long as somebody has it.
#[derive(Debug, Clone)]
pub(crate) struct RequestPermit(#[expect(dead_code)] Arc<PermitHeld>);

/// A place among all requests, and among those of the connection.
#[derive(Debug)]
struct PermitHeld {
    #[expect(dead_code)]
    place: OwnedSemaphorePermit,
    of_connection: Arc<AtomicUsize>,
    /// What its body takes of the memory for bodies. A command that goes on without its client still has what
    /// it was sent.
    #[expect(dead_code)]
    intake: Option<Arc<Intake>>,
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
            place,
            of_connection,
            intake,
        };
        if taken >= self.most {
            return Err("as many requests of one connection are at work as may be");
        }
        Ok(RequestPermit(Arc::new(held)))
    }
}
