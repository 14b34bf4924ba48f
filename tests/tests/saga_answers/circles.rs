//! A module that waits for a saga which sends to that module.

use nether::StartProblem;
use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(key = id, name = "circles.go")]
pub struct Go {
    pub id: u32,
}

#[command(name = "circles.advance")]
pub struct Advance;

#[command]
pub struct Ask;

#[derive(Default, Serialize, Deserialize)]
pub struct Walk;

#[saga(key = id, starts = [Go], sends = [Advance], from = "now")]
impl Walk {
    fn go(&mut self, _: &Go, step: &mut Step<Self>) {
        step.send(Advance);
        step.end();
    }
}

#[derive(Default)]
pub struct Walker;

#[module(handles = [Ask, Advance], calls = [Go])]
impl Walker {
    async fn ask(&mut self, _: Ask, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Go { id: 1 }).await?)
    }

    async fn advance(&mut self, _: Advance) {}
}

#[test]
fn is_refused_at_the_start() {
    let error = System::verify().unwrap_err();
    let [StartProblem::CallCycle { modules }] = &error.problems[..] else {
        panic!("{error}");
    };
    let mut names: Vec<&str> = modules.iter().map(|it| it.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "saga_answers::circles::Walk",
            "saga_answers::circles::Walker"
        ]
    );
}
