//! Keys whose own code panics, and keys that are not kept for ever.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, HandlerFailed, KeyCrashed};

/// A key that shows how many of it there are, and panics when it is asked for.
#[derive(Clone)]
struct Tag {
    number: u64,
    token: Arc<()>,
}

/// The `Hash` of this one panics.
const NOT_HASHED: u64 = 13;
/// The `Eq` of this one panics.
const NOT_COMPARED: u64 = 14;

impl Hash for Tag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert_ne!(self.number, NOT_HASHED, "it has no hash");
        self.number.hash(state);
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        assert_ne!(self.number, NOT_COMPARED, "it is like no other");
        self.number == other.number
    }
}

impl Eq for Tag {}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

fn tag(number: u64) -> Tag {
    let token = Arc::new(());
    Tag { number, token }
}

#[command(local, key = tag, reply = u64)]
struct Count {
    tag: Tag,
}

#[command(local, key = tag)]
struct Crash {
    tag: Tag,
}

#[event(local, key = tag)]
struct Counted {
    tag: Tag,
}

struct Counter(u64);

#[module(handles = [Count, Crash, Counted], per = tag)]
impl Counter {
    #[init]
    fn new(_tag: &Tag) -> Self {
        Counter(0)
    }

    async fn count(&mut self, _: Count) -> u64 {
        self.0 += 1;
        self.0
    }

    async fn crash(&mut self, _: Crash) {
        panic!("as asked");
    }

    async fn counted(&mut self, _: &Counted) {
        self.0 += 1;
    }
}

async fn counters() -> nether::Result<System> {
    let builder = System::builder().isolated().with::<Counter>();
    Ok(builder.start().await?)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_crashed_is_not_kept_for_ever() -> nether::Result<()> {
    let system = counters().await?;
    let ctx = system.context();
    let tag = tag(1);
    let crashed = ctx.send(Crash { tag: tag.clone() }).await;
    assert!(
        matches!(crashed, Err(CallError::Panicked(_))),
        "{crashed:?}"
    );
    assert!(Arc::strong_count(&tag.token) > 1, "its crash is remembered");
    tokio::time::sleep(Duration::from_secs(30 * 60)).await;
    assert_eq!(Arc::strong_count(&tag.token), 1);
    // What is in use stays.
    assert_eq!(ctx.send(Count { tag: tag.clone() }).await?, 1);
    tokio::time::sleep(Duration::from_secs(30 * 60)).await;
    assert_eq!(ctx.send(Count { tag }).await?, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_key_panics_fails_as_if_its_handler_had() -> nether::Result<()> {
    let system = counters().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    let tags = [NOT_HASHED, NOT_COMPARED].map(tag);
    // There is nothing to compare the first one with.
    let [_, not_compared] = &tags;
    let tag_of = not_compared.clone();
    assert_eq!(ctx.send(Count { tag: tag_of }).await?, 1);
    for tag in &tags {
        let refused = ctx.send(Count { tag: tag.clone() }).await;
        assert!(
            matches!(refused, Err(CallError::Panicked(_))),
            "{refused:?}"
        );
        let failure = failed.next().await.expect("it is reported");
        assert!(
            failure.message.ends_with("Count") && failure.crashed,
            "{failure:?}"
        );
        let unit = system.context();
        unit.publish(Counted { tag: tag.clone() }).await?;
        unit.close().await.expect_err("its event was not handled");
        let failure = failed.next().await.expect("it is reported");
        assert!(
            failure.message.ends_with("Counted") && failure.crashed,
            "{failure:?}"
        );
    }
    // No value has crashed, and other keys go on.
    assert_eq!(ctx.send(Count { tag: tag(1) }).await?, 1);
    let report = ctx.send(Crash { tag: tag(2) }).await;
    assert!(report.is_err());
    assert_eq!(crashed.next().await.expect("it is reported").key, "2");
    Ok(())
}
