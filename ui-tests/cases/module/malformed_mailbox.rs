use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [], mailbox = 0)]
impl Orders {}

fn main() {}
