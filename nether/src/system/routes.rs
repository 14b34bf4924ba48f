//! What a server asks about the routes of a system.

use crate::message::MessageDescriptor;
use crate::system::System;

impl System {
    /// A number that changes whenever a module comes or goes, and at other times.
    pub(crate) fn routes_version(&self) -> u64 {
        self.inner.mediator.routing.version()
    }

    /// Whether one of its modules handles such messages.
    pub(crate) fn handles(&self, message: &MessageDescriptor) -> bool {
        let table = self.inner.mediator.routing.table();
        let row = table.row(message.slot());
        row.is_some_and(|row| !row.handlers.is_empty())
    }
}
