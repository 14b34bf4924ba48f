//! The world outside.

pub mod worker;
