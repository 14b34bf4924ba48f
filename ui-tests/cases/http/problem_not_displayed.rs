use nether::Problem;

#[derive(Debug, Problem)]
#[problem(status = 422)]
pub struct OrderError;

fn main() {}
