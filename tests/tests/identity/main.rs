//! Who asks, and what they may: principals, `requires`, the authenticator of the web server.

mod contexts;
mod desk;
mod server;
mod streams;
mod who;
