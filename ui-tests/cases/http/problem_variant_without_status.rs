use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
pub enum OrderError {
    #[problem(status = 422)]
    NothingToPay,
    Paid,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
