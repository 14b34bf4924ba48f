#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[derive(serde::Deserialize)]
pub struct PaidV1;

#[event(upcast = from_v1)]
pub struct Paid;

fn from_v1(_: PaidV1) -> Paid {
    Paid
}

fn main() {}
