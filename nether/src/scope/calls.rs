//! The callers that wait for a handler of a unit of work: when it is cancelled, they wait no longer.

use std::sync::{Arc, Mutex};

use crate::scope::{PendingReply, Scope};
use crate::sync::lock;

/// The calls whose handlers did not return at once.
#[derive(Default)]
pub(super) struct OpenCalls(Mutex<CallList>);

#[derive(Default)]
struct CallList {
    calls: Vec<Arc<dyn PendingReply>>,
    /// The number of calls at which those that are over are taken out: twice as many as were left then, so
    /// that each call pays for a constant number of looks.
    full: usize,
}

impl Scope {
    /// Adds a call, which ends when the unit of work is cancelled.
    pub(crate) fn add_call(&self, call: Arc<dyn PendingReply>) {
        if !self.kind.is_unit() {
            return;
        }
        {
            let mut list = lock(&self.extras_or_new().calls.0);
            if list.calls.len() >= list.full {
                list.calls.retain(|call| call.is_open());
                list.full = (2 * list.calls.len()).max(8);
            }
            list.calls.push(Arc::clone(&call));
        }
        // Asked when it is among them: the task that cancels sets the bit, and looks then.
        if self.is_cancelled() {
            call.close();
        }
    }

    /// Ends the wait of all callers.
    pub(super) fn end_calls(&self) {
        let Some(extras) = self.extras() else { return };
        let calls = std::mem::take(&mut lock(&extras.calls.0).calls);
        calls.iter().for_each(|call| call.close());
    }
}
