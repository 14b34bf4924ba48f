//! Layer 10: what `#[nether::main]` and `#[nether::test]` run.

mod argument;
mod log;
mod run;
mod world;

pub use self::argument::Argument;
pub use self::run::{Flavor, Options, main, test};
pub use self::world::closed_world;
