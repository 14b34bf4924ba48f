use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [], manual, max_restarts = "5 in 30s")]
impl Orders {}

fn main() {}
