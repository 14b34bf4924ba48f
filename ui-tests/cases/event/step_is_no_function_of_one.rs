#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[derive(serde::Deserialize)]
pub struct PaidV1;

#[event(version = 2, upcast = from_v1)]
pub struct Paid;

fn from_v1(_: PaidV1, _: u64) -> Paid {
    Paid
}

fn main() {}
