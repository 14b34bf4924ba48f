use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
pub enum OrderError {
    #[problem(status = 200)]
    NothingToPay,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
