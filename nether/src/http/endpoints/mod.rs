//! Messages as endpoints: what `http = ".."` leaves in the program, and how a command or query is answered.

pub(super) mod call;
pub(super) mod content;
pub(super) mod endpoint;
pub(super) mod entry;
pub(super) mod flat;
pub(super) mod presence;
pub(super) mod probe;
pub(super) mod shape;
pub(super) mod table;
