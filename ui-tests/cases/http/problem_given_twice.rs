use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
#[problem(status = 422)]
#[problem(title = "Nothing to pay")]
pub struct OrderError;

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
