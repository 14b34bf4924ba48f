//! The world outside.

pub mod carrier;
