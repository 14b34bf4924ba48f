//! A text is shown to all members of a room, and each reads it.

use std::time::Instant;

use crate::runtime::Flavour;
use crate::things::{Figures, handled};

pub(super) const ROOMS: u64 = 100;
pub(super) const MEMBERS: u64 = 10;

/// Rooms with members.
pub(super) trait Chat: Send + Sync + Sized + 'static {
    fn start(flavour: Flavour) -> impl Future<Output = Self> + Send;

    /// Shows a text to all in a room. Returns when it is accepted.
    fn say(&self, room: u64, text: String) -> impl Future<Output = ()> + Send;
}

/// So many texts to each room are shown before all of them are waited for: subscriptions hold a bounded
/// number.
const AT_ONCE: u64 = 10;
const TIMES: u64 = 20;

/// What everybody reads: 46 bytes.
const TEXT: &str = "somebody: this is what is said in here, again.";

pub(super) async fn rooms<C: Chat>(flavour: Flavour) -> Figures {
    let chat = C::start(flavour).await;
    let mut deliveries = 0;
    let mut begun = Instant::now();
    // Once without the clock.
    for time in 0..=TIMES {
        if time == 1 {
            begun = Instant::now();
        }
        for text in 0..ROOMS * AT_ONCE {
            chat.say(text % ROOMS, TEXT.to_owned()).await;
            deliveries += MEMBERS;
        }
        handled::reach(deliveries).await;
    }
    let timed = TIMES * ROOMS * AT_ONCE * MEMBERS;
    Figures {
        nanos: begun.elapsed().as_nanos() as f64 / timed as f64,
        bytes: None,
    }
}
