use nether::prelude::*;

#[command]
pub struct Pay;

#[module(handles = Pay)]
#[derive(Default)]
pub struct Orders;

fn main() {}
