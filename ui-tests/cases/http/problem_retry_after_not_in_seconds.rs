use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
pub enum Busy {
    #[problem(status = 503, retry_after = "soon")]
    Soon,
    #[problem(status = 503, retry_after = "1500ms")]
    Later,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
