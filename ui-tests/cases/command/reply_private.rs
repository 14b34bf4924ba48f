use nether::prelude::*;

struct Receipt;

#[command(reply = Receipt)]
pub struct Pay;

fn main() {}
