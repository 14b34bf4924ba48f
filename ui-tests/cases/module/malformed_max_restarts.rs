use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [], max_restarts = "5 per 30s")]
impl Orders {}

fn main() {}
