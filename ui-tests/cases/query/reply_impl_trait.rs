use nether::prelude::*;

#[query(reply = impl Iterator<Item = u32>)]
pub struct Numbers;

#[query(reply = str)]
pub struct Name;

#[query(reply = [u32])]
pub struct All;

#[query(reply = dyn std::fmt::Display)]
pub struct Shown;

fn main() {}
