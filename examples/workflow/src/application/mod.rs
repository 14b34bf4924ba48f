//! How workflows are run. Says what it needs of the world outside, as commands.

pub mod conductor;
