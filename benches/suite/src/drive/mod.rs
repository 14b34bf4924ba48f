//! The work of each scenario, written once for all contestants. Each driver warms up, takes the time, and
//! checks the sums.

mod callers;
mod calls;
mod idle;
mod pairs;
mod process;
mod publish;

pub use self::callers::callers;
pub use self::calls::{Asked, Sent, calls};
pub use self::idle::idle;
pub use self::pairs::pairs;
pub use self::process::process;
pub use self::publish::publish;
