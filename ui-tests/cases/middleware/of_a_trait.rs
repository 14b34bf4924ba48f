#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

trait Around {}

#[nether::middleware]
impl Around for Audit {}

fn main() {}
