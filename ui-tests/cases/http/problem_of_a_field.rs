use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
#[problem(status = 422)]
pub struct OrderError {
    #[problem(title = "Nothing to pay")]
    pub order_id: u64,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
