//! What is seen of messages: their numbers, and the ends of subscriptions.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use serde::{Deserialize, Serialize, Serializer};
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);

/// Counts how often it was serialised.
static SERIALISED: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Debug, Deserialize)]
struct Counted;

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SERIALISED.fetch_add(1, Ordering::SeqCst);
        serializer.serialize_unit()
    }
}

#[event]
struct Seen(u32);

#[event]
struct Costly(Counted);

#[command(reply = u64)]
struct Number;

#[command]
struct KeepContext;

/// The contexts that its handler keeps.
struct Keeper(Arc<Mutex<Vec<Context<Keeper>>>>);

#[module(handles = [Number, KeepContext], manual)]
impl Keeper {
    async fn number(&mut self, _: Number, ctx: &Context<Self>) -> u64 {
        ctx.message_id().map_or(0, |id| id.sequence)
    }

    async fn keep(&mut self, _: KeepContext, ctx: &Context<Self>) {
        self.0.lock().expect("not poisoned").push(ctx.clone());
    }
}

async fn system() -> nether::Result<System> {
    let system = System::builder()
        .isolated()
        .max_in_flight(100)
        .start()
        .await?;
    system.attach(Keeper(Arc::default())).await?;
    Ok(system)
}

#[tokio::test(start_paused = true)]
async fn every_message_has_a_number_of_its_own_also_an_event_that_no_module_handles()
-> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let mut all = ctx.subscribe_any();
    for number in 0..3 {
        ctx.publish(Seen(number)).await?;
    }
    let command = ctx.send(Number).await?;
    ctx.publish(Seen(3)).await?;
    let outcome = ctx.close().await?;
    assert_eq!(outcome.handled, 1); // No module handled an event.
    let mut numbers = BTreeSet::from([command]);
    while let Some(event) = all.next().await {
        assert!(numbers.insert(event.sequence.expect("it is a message")));
    }
    assert_eq!(numbers, BTreeSet::from([0, 1, 2, 3, 4]));
    assert_eq!(command, 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_context_though_a_handler_keeps_a_clone() -> nether::Result<()>
{
    let system = system().await?;
    for is_nested in [false, true] {
        let parent = system.context();
        let mut events = if is_nested {
            let nested = parent.nested();
            let events = nested.subscribe::<Seen>();
            nested.send(KeepContext).await?;
            nested.publish(Seen(0)).await?;
            events
        } else {
            let ctx = system.context();
            let events = ctx.subscribe::<Seen>();
            ctx.send(KeepContext).await?;
            ctx.publish(Seen(0)).await?;
            events
        };
        assert!(timeout(LONG, events.next()).await?.is_some());
        assert!(timeout(LONG, events.next()).await?.is_none());
        parent.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn events_are_serialised_only_while_a_client_reads_them() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let (everywhere, here) = (system.subscribe_any(), ctx.subscribe_any());
    ctx.publish(Costly(Counted)).await?;
    assert_eq!(SERIALISED.load(Ordering::SeqCst), 2);
    drop((everywhere, here));
    ctx.publish(Costly(Counted)).await?;
    assert_eq!(SERIALISED.load(Ordering::SeqCst), 2);
    let mut again = system.subscribe_any();
    ctx.publish(Costly(Counted)).await?;
    assert_eq!(SERIALISED.load(Ordering::SeqCst), 3);
    assert!(again.next().await.is_some());
    Ok(())
}
