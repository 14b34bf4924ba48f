//! What is not the time of a message: found by other programs, which are built and run from here.

mod memory;
mod minimal;
mod start_up;
mod things;

pub use self::memory::{Allocations, Memory};
pub use self::minimal::{Minimal, Row};
pub use self::start_up::StartUp;

use reporting::benches;

use crate::options::Options;
use crate::things::Things;

/// What the programs found.
pub struct Extras {
    pub start_up: Vec<StartUp>,
    /// `None` if it was not asked for, or if the program failed.
    pub memory: Option<Memory>,
    /// `None` if `benches/minimal` was never run.
    pub minimal: Option<Minimal>,
    pub things: Vec<Things>,
}

/// Runs the programs that are asked for.
pub fn run(options: &Options) -> Extras {
    let (mut start_up, mut memory, mut things) = (Vec::new(), None, Vec::new());
    if options.wants("memory") {
        println!("memory ..");
        memory = memory::measure();
    }
    if options.wants("things") {
        println!("things ..");
        things = things::measure(options.quick);
    }
    if options.wants("startup") {
        println!("startup ..");
        start_up = start_up::measure(options.quick);
    }
    Extras {
        start_up,
        memory,
        minimal: minimal::read(&benches()),
        things,
    }
}
