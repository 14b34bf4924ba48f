//! A saga that sends the command which starts sagas of its own type.

use futures_util::future::join_all;
use nether::eventstore::{Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(key = id, name = "nested.dig", reply = Dug)]
pub struct Dig {
    pub id: String,
    /// How many are to be started below it.
    pub depth: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dug {
    pub depth: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Hole {
    depth: u32,
}

impl From<&Hole> for Dug {
    fn from(hole: &Hole) -> Dug {
        Dug { depth: hole.depth }
    }
}

#[saga(key = id, starts = [Dig], sends = [Dig], from = "now")]
impl Hole {
    fn dig(&mut self, dig: &Dig, step: &mut Step<Self>) {
        self.depth = dig.depth;
        if let Some(depth) = dig.depth.checked_sub(1) {
            let id = format!("{}.", dig.id);
            step.send(Dig { id, depth });
        }
        step.end();
    }
}

#[tokio::test]
async fn any_number_of_callers_wait_beside_a_small_mailbox() {
    let system = System::builder()
        .isolated()
        .with::<Sagas<Hole>>()
        .mailbox(1)
        .provide(Store::memory())
        .start()
        .await
        .unwrap();
    let ctx = system.context();
    let dig = |number: u32| {
        let (id, depth) = (number.to_string(), number % 4);
        ctx.send(Dig { id, depth })
    };
    for (number, answer) in (0..).zip(join_all((0..40).map(dig)).await) {
        let depth = number % 4;
        assert_eq!(answer.unwrap(), Dug { depth });
    }
    system.shutdown().await;
}
