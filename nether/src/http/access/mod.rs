//! Access by origin: the hosts that the server answers for, the pages that may send commands, and whose word
//! counts about the address of a client.

pub(super) mod client_address;
pub(super) mod cors;
pub(super) mod cross_site;
pub(super) mod host;
pub(super) mod hosts;
pub(super) mod known_host;
