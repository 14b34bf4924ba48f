//! What is done with the domain, step by step. Says what it needs of the world outside, as commands.

pub mod fulfilment;
