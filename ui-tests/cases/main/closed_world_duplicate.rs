#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Cards;

#[module(handles = Pay, manual)]
impl Cards {
    async fn pay(&mut self, _: Pay) {}
}

#[derive(Default)]
pub struct Cash;

#[module(handles = Pay, manual)]
impl Cash {
    async fn pay(&mut self, _: Pay) {}
}

#[nether::main(modules = [Cards, Cash])]
async fn main(system: System) {}
