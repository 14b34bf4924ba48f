use nether::prelude::*;

#[command]
pub struct Open;

pub struct Door<'a> {
    pub name: &'a str,
}

#[module(handles = Open)]
impl<'a> Door<'a> {
    async fn open(&self, _: Open) {}
}

fn main() {}
