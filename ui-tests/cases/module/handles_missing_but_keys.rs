use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(emits = [Pay])]
impl Orders {}

fn main() {}
