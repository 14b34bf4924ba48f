use nether::prelude::*;

#[derive(Debug, Clone)]
pub struct Address;

#[derive(Debug, Clone)]
pub struct Parcel;

#[event]
pub enum Moved {
    Person { name: String, to: Address },
    Thing(Parcel, Address),
}

fn main() {}
