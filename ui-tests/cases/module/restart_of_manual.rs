use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [], manual, restart = "always")]
impl Orders {}

fn main() {}
