use nether::prelude::*;

pub struct Database;

#[derive(Default)]
pub struct Orders;

#[module(handles = [], after = [Database])]
impl Orders {}

fn main() {}
