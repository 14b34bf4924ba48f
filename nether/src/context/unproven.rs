//! Calls that no compiler has seen: of messages that come from outside of the program.

use crate::context::Context;
use crate::context::calling::{Call, Calling, Handler};
use crate::declaration::Declaration;
use crate::message::ByValue;
use crate::routing::Sender;

/// A handler of which only the routing table knows.
struct Unproven;

impl Handler for Unproven {
    fn declaration() -> Option<&'static Declaration> {
        None
    }
}

impl<S: Sender> Context<S> {
    /// Sends or asks the message, whether or not the compiler has seen its handler. That there is one is checked when the
    /// system starts.
    pub(crate) fn call<M: ByValue + Send>(&self, message: M) -> Call<'_, M> {
        Calling::new::<Unproven>(self.handle(), message)
    }
}
