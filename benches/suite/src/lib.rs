//! The side-by-side comparison: the same work, done by Nether, by its peers, and by plain channels.
//!
//! [`contract`] is what a contestant implements, [`drive`] does the work of a scenario through it and takes
//! the time, [`contestants`] are those who take part. [`rounds`] runs them in turn, [`results`] keeps the
//! times, [`report`] tells.

pub mod contestants;
pub mod contract;
pub mod drive;
pub mod extras;
pub mod load;
pub mod options;
pub mod report;
pub mod results;
pub mod rounds;
pub mod runtime;
pub mod scenario;
pub mod targets;
pub mod things;
