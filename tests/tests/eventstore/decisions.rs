//! What decisions may give back and ask for; and that a decision is a turn: one at a time for an aggregate,
//! many across.

use std::sync::Arc;

use nether::CallError;
use nether::eventstore::{Aggregates, CommandId, Events, Store, given, given_with};
use nether::prelude::*;
use tokio::sync::Barrier;

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("no")]
pub struct No;

/// What the list is made of.
#[derive(Debug, PartialEq)]
pub struct Items(Vec<u32>);

impl From<&List> for Items {
    fn from(list: &List) -> Self {
        Items(list.items.clone())
    }
}

#[event(name = "list.added")]
pub struct Added(pub u32);

#[event(name = "list.cleared")]
pub struct Cleared {}

macro_rules! commands {
    ($($name:ident),*) => {
        $(
            #[command(key = list, reply = Items, error = No)]
            pub struct $name { pub list: u32 }

            impl $name {
                fn to(list: u32) -> Self {
                    $name { list }
                }
            }
        )*
    };
}

commands!(One, Tuple, Many, Array, Maybe, Several, Nothing);
commands!(
    OneOrError,
    TupleOrError,
    ManyOrError,
    NothingOrError,
    Refuse
);
commands!(Meet, PanicToDecide, Asks);

#[derive(Default)]
pub struct List {
    items: Vec<u32>,
}

#[aggregate(
    handles = [
        One, Tuple, Many, Array, Maybe, Several, Nothing, OneOrError, TupleOrError, ManyOrError, NothingOrError,
        Refuse, Meet, PanicToDecide, Asks
    ],
    events = [Added, Cleared]
)]
impl List {
    fn one(&self, _: One) -> Added {
        Added(1)
    }

    fn tuple(&self, _: Tuple) -> (Cleared, Added, Added) {
        (Cleared {}, Added(1), Added(2))
    }

    fn many(&self, _: Many) -> Vec<Added> {
        vec![Added(1), Added(2)]
    }

    fn array(&self, _: Array) -> [Added; 2] {
        [Added(3), Added(4)]
    }

    fn maybe(&self, _: Maybe) -> Option<Added> {
        self.items.is_empty().then_some(Added(5))
    }

    fn several(&self, _: Several) -> Events<Self> {
        let mut events = Events::of(Cleared {});
        events.push(Added(6));
        events
    }

    fn nothing(&self, _: Nothing) {}

    fn one_or_error(&self, _: OneOrError) -> Result<Added, No> {
        Ok(Added(7))
    }

    fn tuple_or_error(&self, _: TupleOrError) -> Result<(Added, Cleared), No> {
        Ok((Added(8), Cleared {}))
    }

    fn many_or_error(&self, _: ManyOrError) -> Result<Vec<Added>, No> {
        Ok(Vec::new())
    }

    fn nothing_or_error(&self, _: NothingOrError) -> Result<(), No> {
        Ok(())
    }

    fn refuse(&self, _: Refuse) -> Result<Events<Self>, No> {
        Err(No)
    }

    async fn meet(&self, _: Meet, both: Resource<Arc<Barrier>>) -> Added {
        both.wait().await;
        Added(9)
    }

    fn panic_to_decide(&self, _: PanicToDecide) -> Added {
        panic!("undecided")
    }

    async fn asks(
        &self,
        asks: Asks,
        both: Resource<Arc<Barrier>>,
        limit: Resource<u32>,
    ) -> Option<Added> {
        let _ = both;
        (asks.list < *limit).then_some(Added(*limit))
    }

    fn added(&mut self, added: &Added) {
        self.items.push(added.0);
    }

    fn cleared(&mut self, _: &Cleared) {
        self.items.clear();
    }

    /// Methods that take nothing listed are no handlers.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<List>>()
        .with::<Aggregates<Counter>>()
        .provide(store.clone());
    let builder = builder.provide(Arc::new(Barrier::new(2))).provide(3_u32);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_decision_gives_back_events_in_any_form() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context();
    assert_eq!(ctx.send(One::to(1)).await.unwrap(), Items(vec![1]));
    assert_eq!(ctx.send(Tuple::to(1)).await.unwrap(), Items(vec![1, 2]));
    assert_eq!(
        ctx.send(Many::to(1)).await.unwrap(),
        Items(vec![1, 2, 1, 2])
    );
    assert_eq!(ctx.send(Several::to(1)).await.unwrap(), Items(vec![6]));
    assert_eq!(ctx.send(Array::to(1)).await.unwrap(), Items(vec![6, 3, 4]));
    assert_eq!(ctx.send(Maybe::to(1)).await.unwrap(), Items(vec![6, 3, 4]));
    assert_eq!(ctx.send(Maybe::to(2)).await.unwrap(), Items(vec![5]));
    assert_eq!(ctx.send(Nothing::to(2)).await.unwrap(), Items(vec![5]));
    assert_eq!(
        ctx.send(OneOrError::to(2)).await.unwrap(),
        Items(vec![5, 7])
    );
    assert_eq!(
        ctx.send(ManyOrError::to(2)).await.unwrap(),
        Items(vec![5, 7])
    );
    assert_eq!(
        ctx.send(NothingOrError::to(2)).await.unwrap(),
        Items(vec![5, 7])
    );
    assert_eq!(ctx.send(TupleOrError::to(2)).await.unwrap(), Items(vec![]));
    let refused = ctx.send(Refuse::to(2)).await.unwrap_err();
    assert_eq!(refused.into_handler_error().unwrap(), No);
    assert_eq!(ctx.send(Asks::to(2)).await.unwrap(), Items(vec![3]));
    assert_eq!(ctx.send(Asks::to(3)).await.unwrap(), Items(vec![]));
    // What decides that nothing happens has no stream.
    let head = store.head().await.unwrap();
    ctx.send(Nothing::to(4)).await.unwrap();
    assert_eq!(store.head().await.unwrap(), head);
    system.shutdown().await;
}

#[test]
fn decisions_are_tested_without_a_store() {
    let resources = || {
        let both = Resource::new(Arc::new(Barrier::new(1)));
        (both.clone(), both, Resource::new(3_u32))
    };
    let list = given_with::<List, _>(resources(), [Added(1)]);
    assert!(!list.state().is_empty());
    list.when(Tuple::to(1))
        .then((Cleared {}, Added(1), Added(2)));
    given_with::<List, _>(resources(), ())
        .when(Refuse::to(1))
        .then_error(No);
    given_with::<List, _>(resources(), ())
        .when(Meet::to(1))
        .then(Added(9));
    let _ = given::<Counter, _>(())
        .when(Count {
            counter: "a".into(),
        })
        .then_nothing();
}

#[derive(Default)]
pub struct Counter;

#[command(key = counter)]
pub struct Count {
    pub counter: String,
}

#[aggregate(handles = Count, events = [])]
impl Counter {
    fn count(&self, _: Count) {}
}

#[tokio::test]
async fn aggregates_decide_side_by_side() {
    let system = started(&Store::memory()).await;
    let ctx = system.context();
    // Either waits for the other.
    let (one, other) = tokio::join!(ctx.send(Meet::to(1)), ctx.send(Meet::to(2)));
    assert_eq!(
        (one.unwrap(), other.unwrap()),
        (Items(vec![9]), Items(vec![9]))
    );
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn one_aggregate_decides_upon_one_command_at_a_time() {
    let store = Store::memory();
    let both = Arc::new(Barrier::new(2));
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<List>>()
        .with::<Aggregates<Counter>>()
        .provide(store.clone());
    let builder = builder.provide(Arc::clone(&both)).provide(3_u32);
    let system = builder.start().await.unwrap();
    let ctx = system.context();
    let (first, second, between) =
        tokio::join!(ctx.send(Meet::to(1)), ctx.send(One::to(1)), async {
            // The second has come, and still nothing has happened.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let nothing_yet = store.head().await.unwrap().0 == 0;
            both.wait().await;
            nothing_yet
        });
    assert!(between);
    assert_eq!(first.unwrap(), Items(vec![9]));
    assert_eq!(second.unwrap(), Items(vec![9, 1]));
    system.shutdown().await;
}

#[tokio::test]
async fn an_aggregate_that_falls_goes_on() {
    let system = started(&Store::memory()).await;
    let ctx = system.context();
    ctx.send(One::to(1)).await.unwrap();
    let fell = ctx.send(PanicToDecide::to(1)).await.unwrap_err();
    assert!(matches!(fell, CallError::Panicked(_)), "{fell}");
    assert_eq!(ctx.send(One::to(1)).await.unwrap(), Items(vec![1, 1]));
    assert_eq!(ctx.send(One::to(1)).await.unwrap(), Items(vec![1, 1, 1]));
    system.shutdown().await;
}

#[tokio::test]
async fn a_command_of_one_id_is_decided_upon_once() {
    let store = Store::memory();
    let system = started(&store).await;
    for _ in 0..2 {
        let ctx = system.context().with(CommandId::new(7));
        assert_eq!(ctx.send(Many::to(1)).await.unwrap(), Items(vec![1, 2]));
        // Another aggregate, and another command, are other things.
        ctx.send(Many::to(2)).await.unwrap();
        ctx.close().await.unwrap();
    }
    let again = system.context().with(CommandId::new(8));
    assert_eq!(
        again.send(Many::to(1)).await.unwrap(),
        Items(vec![1, 2, 1, 2])
    );
    assert_eq!(store.head().await.unwrap().0, 6);
    system.shutdown().await;
    // Also by a program that has forgotten it.
    let system = started(&store).await;
    let ctx = system.context().with(CommandId::new(7));
    assert_eq!(
        ctx.send(Many::to(1)).await.unwrap(),
        Items(vec![1, 2, 1, 2])
    );
    system.shutdown().await;
}
