use nether::prelude::*;

#[derive(Clone, PartialEq)]
/// Opens an account.
#[command(reply = u64)]
pub struct Open;

fn main() {}
