//! A program moves from a file of SQLite to a server, and goes on there.

mod archived;
mod going_on;
mod import;
mod program;
mod refusals;
mod sources;
