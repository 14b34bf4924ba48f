//! What modules send later, and apart from the unit of work in which they do.

mod apart;
mod chains;
mod delays;
mod endings;
mod fullness;
mod kinds;
mod names;
mod refusals;
mod tasks;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
