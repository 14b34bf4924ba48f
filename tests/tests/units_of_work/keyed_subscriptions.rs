//! Subscriptions to the events of one key.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use nether::Subscription;
use nether::prelude::*;

#[event(key = room)]
struct Said {
    room: String,
    text: String,
}

fn said(room: &str, text: &str) -> Said {
    Said {
        room: room.to_owned(),
        text: text.to_owned(),
    }
}

/// The texts that are there already.
fn texts(subscription: &mut Subscription<Said>) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(said) = subscription.try_next() {
        texts.push(said.text.clone());
    }
    texts
}

async fn system() -> nether::Result<System> {
    Ok(System::builder().isolated().start().await?)
}

#[tokio::test]
async fn each_key_has_its_own_events_in_their_order() -> nether::Result<()> {
    let system = system().await?;
    let mut kitchen = system.subscribe::<Said>().of("kitchen".into());
    let mut also_kitchen = system.subscribe::<Said>().of("kitchen".into());
    let mut hall = system.subscribe::<Said>().of("hall".into());
    let mut attic = system.subscribe::<Said>().of("attic".into());
    let mut all = system.subscribe::<Said>();
    let ctx = system.context();
    for (room, text) in [("kitchen", "1"), ("hall", "2"), ("kitchen", "3")] {
        ctx.publish(said(room, text)).await?;
    }
    assert_eq!(texts(&mut kitchen), ["1", "3"]);
    assert_eq!(texts(&mut also_kitchen), ["1", "3"]);
    assert_eq!(texts(&mut hall), ["2"]);
    assert!(texts(&mut attic).is_empty());
    assert_eq!(texts(&mut all), ["1", "2", "3"]);
    Ok(())
}

#[tokio::test]
async fn the_subscription_of_one_context_is_narrowed_too() -> nether::Result<()> {
    let system = system().await?;
    let (ctx, other) = (system.context(), system.context());
    let mut here = ctx.subscribe::<Said>().of("hall".into());
    other.publish(said("hall", "elsewhere")).await?;
    ctx.publish(said("kitchen", "aside")).await?;
    ctx.publish(said("hall", "here")).await?;
    ctx.close().await?;
    assert_eq!(
        here.next().await.map(|it| it.text.clone()).as_deref(),
        Some("here")
    );
    assert!(here.next().await.is_none(), "the context is closed");
    Ok(())
}

#[tokio::test]
async fn it_ends_with_the_system() -> nether::Result<()> {
    let system = system().await?;
    let mut before = system.subscribe::<Said>().of("hall".into());
    let narrowed_later = system.subscribe::<Said>();
    system.context().publish(said("hall", "last")).await?;
    system.shutdown().await;
    assert_eq!(texts(&mut before), ["last"]);
    assert!(before.next().await.is_none());
    assert!(narrowed_later.of("hall".into()).next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_subscriber_that_is_behind_misses_events_of_its_key_alone() -> nether::Result<()> {
    let system = system().await?;
    let mut hall = system.subscribe::<Said>().of("hall".into());
    let mut kitchen = system.subscribe::<Said>().of("kitchen".into());
    let ctx = system.context();
    ctx.publish(said("kitchen", "kept")).await?;
    for number in 0..134 {
        ctx.publish(said("hall", &number.to_string())).await?;
    }
    assert_eq!(
        hall.next().await.map(|it| it.text.clone()).as_deref(),
        Some("6")
    );
    assert_eq!(hall.missed(), 6);
    assert_eq!(texts(&mut kitchen), ["kept"]);
    assert_eq!(kitchen.missed(), 0);
    Ok(())
}

/// A key that is counted, and whose `Hash` panics on request.
#[derive(Debug, Clone)]
struct Counted {
    number: u32,
    _alive: Arc<()>,
    panics: bool,
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert!(!self.panics, "as asked");
        self.number.hash(state);
    }
}

#[event(key = by, local)]
struct Moved {
    by: Counted,
}

fn moved(number: u32, panics: bool) -> Moved {
    Moved {
        by: Counted {
            number,
            _alive: Arc::default(),
            panics,
        },
    }
}

/// An event whose `Drop` panics.
#[event(key = by, local)]
struct Fragile {
    by: u64,
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(self.by != 0, "as asked");
    }
}

#[tokio::test]
async fn an_event_whose_drop_panics_keeps_no_other_from_a_key() -> nether::Result<()> {
    let system = system().await?;
    let behind = system.subscribe::<Fragile>();
    let mut one = system.subscribe::<Fragile>().of(1);
    let ctx = system.context();
    ctx.publish(Fragile { by: 0 }).await?;
    for _ in 0..1_022 {
        ctx.publish(Fragile { by: 2 }).await?;
    }
    // The last of these pushes out the first event.
    for _ in 0..2 {
        ctx.publish(Fragile { by: 1 }).await?;
    }
    ctx.close().await?;
    assert!(one.try_next().is_some() && one.try_next().is_some());
    assert_eq!(behind.missed(), 0, "it was not polled");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_of_a_key_without_subscribers() -> nether::Result<()> {
    let system = system().await?;
    let alive = Arc::new(());
    let key = |number| Counted {
        number,
        _alive: Arc::clone(&alive),
        panics: false,
    };
    let subscriptions: Vec<_> = (0..100)
        .map(|number| system.subscribe::<Moved>().of(key(number % 50)))
        .collect();
    assert!(Arc::strong_count(&alive) > 50, "the keys are kept");
    drop(subscriptions);
    assert_eq!(Arc::strong_count(&alive), 1);
    let mut again = system.subscribe::<Moved>().of(key(7));
    system.context().publish(moved(7, false)).await?;
    assert!(again.try_next().is_some());
    Ok(())
}

#[tokio::test]
async fn a_key_that_panics_disturbs_no_publisher() -> nether::Result<()> {
    let system = system().await?;
    let mut one = system.subscribe::<Moved>().of(moved(1, false).by);
    let ctx = system.context();
    ctx.publish(moved(1, true)).await?;
    ctx.publish(moved(1, false)).await?;
    ctx.close().await?;
    assert!(
        one.try_next().is_some(),
        "the event whose key did not panic"
    );
    assert!(one.try_next().is_none());
    Ok(())
}
