//! What stands around handlers: middleware that modules name, interceptors of a whole program, and layers
//! around the web server.
//!
//! The modules are `manual`, or started by name, so that each test has what it needs.

mod commits;
mod crashes;
mod deliveries;
mod interceptors;
mod layers;
mod notes;
mod order;
mod problems;
mod rejections;
mod values;
