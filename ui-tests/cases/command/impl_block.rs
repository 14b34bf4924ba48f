use nether::prelude::*;

pub struct Pay;

#[command]
impl Pay {}

fn main() {}
