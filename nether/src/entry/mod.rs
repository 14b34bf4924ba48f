//! The entry points of a program: runs what `#[nether::main]` and `#[nether::test]` expand to.

mod argument;
mod log;
mod panics;
mod run;
#[cfg(feature = "test")]
mod test;
mod world;

pub use self::argument::Argument;
pub use self::run::{Flavor, Options, main};
#[cfg(feature = "test")]
pub use self::test::{Seeds, TestOptions, test};
pub use self::world::closed_world;
