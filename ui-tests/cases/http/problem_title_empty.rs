use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
#[problem(status = 422, title = "")]
pub struct OrderError;

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
