//! The identity of clients: the authenticator of a server, what it is shown of a request, and the guard in
//! front of endpoints, routes and files.

pub(super) mod authenticate;
pub(super) mod extract;
pub(super) mod guard;
pub(super) mod head;
pub(super) mod identified;
pub(super) mod report;
pub(super) mod scheme;
