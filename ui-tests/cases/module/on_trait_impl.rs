use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

pub trait Shop {}

#[module(handles = [])]
impl Shop for Orders {}

fn main() {}
