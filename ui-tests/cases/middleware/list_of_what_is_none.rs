#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Rejection};

struct Audit;

#[command]
struct Ping;

#[event]
struct Ponged;

#[derive(Default)]
struct Playing;

#[module(handles = [Ping, Ponged], with = [Audit])]
impl Playing {
    async fn ping(&mut self, _: Ping) {}

    async fn ponged(&mut self, _: &Ponged) {}
}

fn main() {}
