//! Personal values, which are stored encrypted, and are forgotten with their key.

mod keys;
mod program;
mod redaction;
mod sagas;
mod shapes;
mod values;
