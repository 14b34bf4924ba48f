use nether::prelude::*;

#[query(reply = Vec<&str>)]
pub struct Names;

#[derive(Default)]
pub struct Directory;

#[module(handles = Names)]
impl Directory {
    async fn names(&self, _: Names) -> Vec<String> {
        Vec::new()
    }
}

fn main() {}
