//! [`ByEmits`]: the handler that the compiler has found for what is published or processed.

use crate::context::calling::{HandlerProof, Marker};
use crate::declaration::Declaration;
use crate::routing::Emits;

/// The handler that [`Emits`] found.
pub(super) struct ByEmits<S, I, Rule, H>(Marker<S, I, Rule, H>);

impl<S: Emits<I, Rule, H>, I, Rule, H> HandlerProof for ByEmits<S, I, Rule, H> {
    fn declaration() -> Option<&'static Declaration> {
        S::handler()
    }
}
