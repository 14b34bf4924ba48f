//! [`Notes`]: what happened, in order.

use std::sync::{Arc, Mutex};

use nether::prelude::*;
use nether::{Answer, Call, Next};
use nether::{Message, SystemBuilder};

/// What happened, in order.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub fn add(&self, note: impl Into<String>) {
        self.0.lock().expect("no holder panics").push(note.into());
    }

    /// Everything so far; it is forgotten.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no holder panics"))
    }
}

macro_rules! noting {
    ($($name:ident $text:literal)*) => {$(
        pub struct $name(pub Notes);

        #[nether::middleware]
        impl $name {
            async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
                self.0.add(concat!($text, " begins"));
                let answer = next.run(call).await;
                self.0.add(match &answer {
                    Ok(_) => concat!($text, " ends"),
                    Err(_) => concat!($text, " fails"),
                });
                answer
            }
        }
    )*};
}
noting!(Outer "outer" Inner "inner" Own "own");

/// A system in which nothing starts by itself, with the three that note.
pub fn noting(notes: &Notes) -> SystemBuilder {
    let system = System::builder().isolated();
    let system = system.provide(Outer(notes.clone()));
    let system = system.provide(Inner(notes.clone()));
    system.provide(Own(notes.clone()))
}
