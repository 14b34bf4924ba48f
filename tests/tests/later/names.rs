//! A delayed message with a name replaces the one before it.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use nether::prelude::*;
use tokio::sync::mpsc;
use tokio::time::{Instant, advance};

use crate::SECOND;

#[command(name = "later.names.set", key = door)]
struct Set {
    door: u64,
    open: bool,
    name: Option<&'static str>,
}

#[command(name = "later.names.open", key = door)]
struct Open {
    door: u64,
}

#[command(name = "later.names.close", key = door)]
struct Close {
    door: u64,
}

/// A message without a key, of the same name.
#[command(name = "later.names.look")]
struct Look;

struct Doors(mpsc::UnboundedSender<(String, Instant)>);

#[module(handles = [Set, Open, Close, Look], manual)]
impl Doors {
    async fn set(&mut self, set: Set, ctx: &Context<Self>) {
        let Set { door, open, name } = set;
        let delayed = match (door, open) {
            (0, _) => ctx.later(SECOND * 2, Look),
            (_, true) => ctx.later(SECOND * 2, Open { door }),
            (_, false) => ctx.later(SECOND * 2, Close { door }),
        };
        if let Some(name) = name {
            delayed.named(name);
        }
    }

    async fn open(&mut self, Open { door }: Open) -> nether::Result<()> {
        Ok(self.0.send((format!("open {door}"), Instant::now()))?)
    }

    async fn close(&mut self, Close { door }: Close) -> nether::Result<()> {
        Ok(self.0.send((format!("close {door}"), Instant::now()))?)
    }

    async fn look(&mut self, _: Look) -> nether::Result<()> {
        Ok(self.0.send(("look".to_owned(), Instant::now()))?)
    }
}

async fn doors() -> nether::Result<(System, mpsc::UnboundedReceiver<(String, Instant)>)> {
    let system = System::builder().isolated().start().await?;
    let (sender, seen) = mpsc::unbounded_channel();
    system.attach(Doors(sender)).await?;
    Ok((system, seen))
}

async fn set(
    system: &System,
    door: u64,
    open: bool,
    name: Option<&'static str>,
) -> nether::Result<()> {
    let ctx = system.context();
    ctx.send(Set { door, open, name }).await?;
    ctx.close().await?;
    Ok(())
}

/// What was seen in ten seconds.
async fn all(
    system: System,
    mut seen: mpsc::UnboundedReceiver<(String, Instant)>,
) -> Vec<(String, Instant)> {
    tokio::time::sleep(SECOND * 10).await;
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    let mut all = Vec::new();
    while let Some(one) = seen.recv().await {
        all.push(one);
    }
    all
}

fn names(all: &[(String, Instant)]) -> Vec<&str> {
    all.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_named_message_replaces_the_one_before_also_of_another_type() -> nether::Result<()> {
    let (system, seen) = doors().await?;
    let start = Instant::now();
    set(&system, 1, true, Some("state")).await?;
    advance(SECOND).await;
    set(&system, 1, false, Some("state")).await?;
    let all = all(system, seen).await;
    assert_eq!(names(&all), ["close 1"]);
    assert_eq!(all[0].1 - start, SECOND * 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn messages_of_other_names_or_keys_or_without_a_name_are_sent() -> nether::Result<()> {
    let (system, seen) = doors().await?;
    set(&system, 1, true, Some("state")).await?;
    set(&system, 1, true, Some("other")).await?;
    set(&system, 1, true, None).await?;
    set(&system, 1, true, None).await?;
    set(&system, 2, true, Some("state")).await?;
    set(&system, 0, true, Some("state")).await?;
    let all = all(system, seen).await;
    let expected = ["open 1", "open 1", "open 1", "open 1", "open 2", "look"];
    assert_eq!(names(&all), expected);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_once_its_message_is_sent() -> nether::Result<()> {
    let (system, seen) = doors().await?;
    set(&system, 1, true, Some("state")).await?;
    tokio::time::sleep(SECOND * 3).await;
    set(&system, 1, false, Some("state")).await?;
    let all = all(system, seen).await;
    assert_eq!(names(&all), ["open 1", "close 1"]);
    Ok(())
}

/// All have the same hash. Number 13 has none: it panics.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct SameHash(u64);

impl Hash for SameHash {
    fn hash<H: Hasher>(&self, _: &mut H) {
        assert_ne!(self.0, 13, "as asked");
    }
}

/// No `Eq`, and no `Clone`: its hash distinguishes one from another.
#[derive(Debug, Hash)]
struct OnlyHash(u64);

#[command(name = "later.names.weak", key = key)]
struct Weak {
    key: SameHash,
    number: u64,
}

#[command(name = "later.names.hashed", key = key, local)]
struct Hashed {
    key: OnlyHash,
    number: u64,
}

#[command(name = "later.names.of_another", key = key)]
struct OfAnother {
    key: SameHash,
    number: u64,
}

/// Delays one message of each key, all with one name.
#[event(name = "later.names.begin")]
struct Begin;

struct Several(mpsc::UnboundedSender<(&'static str, u64)>);

#[module(handles = [Begin, Weak, Hashed], instances = 2)]
impl Several {
    #[init]
    fn new(seen: Resource<mpsc::UnboundedSender<(&'static str, u64)>>) -> Self {
        Several(mpsc::UnboundedSender::clone(&seen))
    }

    async fn begin(&mut self, _: &Begin, ctx: &Context<Self>) {
        for (number, key) in [1, 2, 1, 13, 13].into_iter().enumerate() {
            let (key, number) = (SameHash(key), number as u64);
            ctx.later(SECOND, Weak { key, number }).named("one");
        }
        for (number, key) in [1, 2, 1].into_iter().enumerate() {
            let (key, number) = (OnlyHash(key), number as u64);
            ctx.later(SECOND, Hashed { key, number }).named("one");
        }
    }

    async fn weak(&mut self, weak: Weak) -> nether::Result<()> {
        Ok(self.0.send(("weak", weak.number))?)
    }

    async fn hashed(&mut self, hashed: Hashed) -> nether::Result<()> {
        Ok(self.0.send(("hashed", hashed.number))?)
    }
}

struct Another(mpsc::UnboundedSender<(&'static str, u64)>);

#[module(handles = [Begin, OfAnother])]
impl Another {
    #[init]
    fn new(seen: Resource<mpsc::UnboundedSender<(&'static str, u64)>>) -> Self {
        Another(mpsc::UnboundedSender::clone(&seen))
    }

    async fn begin(&mut self, _: &Begin, ctx: &Context<Self>) {
        let (key, number) = (SameHash(1), 0);
        ctx.later(SECOND, OfAnother { key, number }).named("one");
    }

    async fn of_another(&mut self, of_another: OfAnother) -> nether::Result<()> {
        Ok(self.0.send(("of another", of_another.number))?)
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_hash_and_modules_have_names_of_their_own() -> nether::Result<()> {
    let (sender, mut seen) = mpsc::unbounded_channel::<(&'static str, u64)>();
    let builder = System::builder().isolated().provide(sender);
    let system = builder.with::<Several>().with::<Another>().start().await?;
    let ctx = system.context();
    ctx.publish(Begin).await?;
    ctx.close().await?;
    tokio::time::sleep(SECOND * 2).await;
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    let mut all = BTreeMap::<_, Vec<u64>>::new();
    while let Ok((kind, number)) = seen.try_recv() {
        all.entry(kind).or_default().push(number);
    }
    all.values_mut().for_each(|numbers| numbers.sort_unstable());
    // The last message of each key is sent; one whose key panics replaces nothing.
    let expected = [
        ("hashed", vec![1, 2]),
        ("of another", vec![0]),
        ("weak", vec![1, 2, 3, 4]),
    ];
    assert_eq!(all, BTreeMap::from(expected));
    Ok(())
}
