//! In which order middleware runs.

use nether::prelude::*;

use crate::notes::{Inner, Notes, Outer, Own, noting};

#[command]
struct Write;

#[command]
struct WriteWithMore;

struct Alone(Notes);

#[module(handles = [Write, WriteWithMore], with = [Outer, Inner], manual)]
impl Alone {
    async fn write(&mut self, _: Write) {
        self.0.add("handler");
    }

    #[handler(with = Own)]
    async fn write_with_more(&mut self, _: WriteWithMore) {
        self.0.add("handler");
    }
}

#[query]
struct Read;

#[query]
struct ReadWithMore;

struct Beside(Notes);

#[module(handles = [Read, ReadWithMore], with = [Outer, Inner], manual)]
impl Beside {
    async fn read(&self, _: Read) {
        self.0.add("handler");
    }

    #[handler(with = [Own])]
    async fn read_with_more(&self, _: ReadWithMore) {
        self.0.add("handler");
    }
}

const OF_MODULE: [&str; 5] = [
    "outer begins",
    "inner begins",
    "handler",
    "inner ends",
    "outer ends",
];

const OF_BOTH: [&str; 7] = [
    "outer begins",
    "inner begins",
    "own begins",
    "handler",
    "own ends",
    "inner ends",
    "outer ends",
];

async fn the_list_of_the_module_is_outside_of_that_of_the_handler() {
    let notes = Notes::default();
    let system = noting(&notes).start().await.unwrap();
    system.attach(Alone(notes.clone())).await.unwrap();
    system.attach(Beside(notes.clone())).await.unwrap();
    let ctx = system.context();
    ctx.send(Write).await.unwrap();
    assert_eq!(notes.take(), OF_MODULE);
    ctx.send(WriteWithMore).await.unwrap();
    assert_eq!(notes.take(), OF_BOTH);
    ctx.ask(Read).await.unwrap();
    assert_eq!(notes.take(), OF_MODULE);
    ctx.ask(ReadWithMore).await.unwrap();
    assert_eq!(notes.take(), OF_BOTH);
    ctx.close().await.unwrap();
}

#[tokio::test]
async fn the_first_in_a_list_is_outermost_and_the_modules_list_is_around_the_handlers() {
    the_list_of_the_module_is_outside_of_that_of_the_handler().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_is_the_same_on_several_threads() {
    the_list_of_the_module_is_outside_of_that_of_the_handler().await;
}
