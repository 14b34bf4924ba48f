//! What several of these tests have in common: a diary of what happened to values, and a gate at which
//! handlers wait.

use std::sync::Mutex;

use tokio::sync::{Notify, Semaphore};

/// What happened to the values of one test, in order.
#[derive(Default)]
pub(crate) struct Diary {
    notes: Mutex<Vec<String>>,
    /// Notified by each note.
    written: Notify,
}

impl Diary {
    pub(crate) fn note(&self, text: impl Into<String>) {
        let mut notes = self.notes.lock().expect("no holder panics");
        notes.push(text.into());
        self.written.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notes.lock().expect("no holder panics").is_empty()
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().expect("no holder panics"))
    }

    /// The notes in the order of the alphabet, for what happens side by side.
    pub(crate) fn take_sorted(&self) -> Vec<String> {
        let mut notes = self.take();
        notes.sort();
        notes
    }

    /// Waits until there are so many notes.
    pub(crate) async fn has(&self, count: usize) {
        while self.notes.lock().expect("no holder panics").len() < count {
            self.written.notified().await;
        }
    }
}

/// Where handlers wait until they are let through.
pub(crate) struct Gate {
    arrived: Semaphore,
    open: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            arrived: Semaphore::new(0),
            open: Semaphore::new(0),
        }
    }
}

impl Gate {
    /// Arrives, and waits to be let through.
    pub(crate) async fn pass(&self) {
        self.arrived.add_permits(1);
        let passed = self.open.acquire().await;
        passed.expect("it is never closed").forget();
    }

    /// Waits until so many more have arrived.
    pub(crate) async fn arrived(&self, count: u32) {
        let arrived = self.arrived.acquire_many(count).await;
        arrived.expect("it is never closed").forget();
    }

    /// Lets so many through, also those that are still to come.
    pub(crate) fn open(&self, count: usize) {
        self.open.add_permits(count);
    }
}
