use std::fmt;

use nether::Problem;

#[derive(Debug, Problem)]
#[problem(status = 401, www_authenticate = "")]
pub struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn main() {}
