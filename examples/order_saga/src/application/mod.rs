//! The use cases of the domain, step by step. They say what they need of the world outside, as commands.

pub mod fulfilment;
