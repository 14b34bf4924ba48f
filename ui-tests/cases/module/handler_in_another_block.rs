#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct AddBook;

#[command]
pub struct RemoveBook;

#[derive(Default)]
pub struct Library;

#[module(handles = [AddBook, RemoveBook])]
impl Library {
    async fn add(&mut self, _: AddBook) {}
}

impl Library {
    async fn remove(&mut self, _: RemoveBook) {}
}

async fn remove(ctx: Context) -> nether::Result<()> {
    ctx.send(RemoveBook).await?;
    Ok(())
}

fn main() {}
