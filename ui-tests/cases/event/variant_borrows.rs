use nether::prelude::*;

use std::borrow::Cow;

#[event]
pub enum Renamed {
    Person { name: Option<&'a str> },
    Place(Cow<'_, str>),
}

fn main() {}
