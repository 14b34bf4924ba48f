use nether::Problem;

#[derive(Problem)]
#[problem(status = 422)]
pub union OrderError {
    pub order_id: u64,
}

fn main() {}
