//! What a unit of work passes on to whom works in it, and units of work within units of work.

use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{ContextId, FailureKind, StreamError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

#[derive(Debug, PartialEq)]
struct TenantId(u32);

#[derive(Debug, PartialEq)]
struct Region(&'static str);

/// What a handler knows of its unit of work.
struct Known {
    tenant: Option<Arc<TenantId>>,
    region: Option<Arc<Region>>,
    principal: Option<String>,
    deadline: Option<Instant>,
    correlation: ContextId,
    parent: Option<ContextId>,
    cause: Option<nether::MessageId>,
}

#[command(reply = Known)]
struct Tell;

/// Asks for it from a unit of work within.
#[command(reply = Known)]
struct TellFromWithin;

#[command]
struct Fail;

/// Opens a unit of work, lets something fail there, and forgets it.
#[command]
struct Forget;

/// Runs until the gate opens.
#[command]
struct Hold;

#[event]
struct Told;

struct Teller(Arc<Semaphore>);

fn known<S: nether::Caller>(ctx: &Context<S>) -> Known {
    Known {
        tenant: ctx.baggage(),
        region: ctx.baggage(),
        principal: ctx.principal().map(|it| it.id().to_owned()),
        deadline: ctx.deadline(),
        correlation: ctx.correlation_id(),
        parent: ctx.parent_id(),
        cause: ctx.causation_id(),
    }
}

#[module(handles = [Tell, TellFromWithin, Fail, Forget, Hold], manual)]
impl Teller {
    async fn tell(&self, _: Tell, ctx: &Context<Self>) -> Known {
        known(ctx)
    }

    async fn tell_from_within(
        &self,
        _: TellFromWithin,
        ctx: &Context<Self>,
    ) -> nether::Result<Known> {
        let within = ctx.nested().with(TenantId(8)).with_principal("a clerk");
        let told = within.send(Tell).await?;
        within.close().await?;
        Ok(told)
    }

    async fn fail(&self, _: Fail) -> nether::Result<()> {
        Err(nether::Error::msg("no"))
    }

    async fn forget(&self, _: Forget, ctx: &Context<Self>) -> nether::Result<()> {
        let within = ctx.nested();
        within.process(Fail).await?;
        assert!(within.send(Fail).await.is_err()); // By now the other one has failed too.
        Ok(())
    }

    async fn hold(&self, _: Hold, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.acquire().await?.forget();
        ctx.publish(Told).await?;
        Ok(())
    }
}

async fn system() -> nether::Result<(System, Arc<Semaphore>)> {
    let system = System::builder().isolated().start().await?;
    let gate = Arc::new(Semaphore::new(0));
    system.attach(Teller(Arc::clone(&gate))).await?;
    Ok((system, gate))
}

#[tokio::test]
async fn handlers_have_what_their_context_was_given() -> nether::Result<()> {
    let (system, _) = system().await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    let ctx = system
        .context()
        .with(TenantId(1))
        .with(TenantId(7))
        .with(Region("north"))
        .with_principal("ann")
        .with_deadline(deadline);
    let known = ctx.send(Tell).await?;
    assert_eq!(known.tenant.as_deref(), Some(&TenantId(7)));
    assert_eq!(known.region.as_deref(), Some(&Region("north")));
    assert_eq!(known.principal.as_deref(), Some("ann"));
    assert_eq!(known.deadline, Some(deadline));
    assert_eq!(known.correlation, ctx.correlation_id());
    assert_eq!((known.parent, known.cause), (None, None));
    assert_eq!(system.context().send(Tell).await?.tenant, None);
    // A UUID of version 7, as RFC 9562 has it.
    assert_eq!(ctx.correlation_id().as_u128() >> 76 & 0xf, 7);
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_nested_context_inherits_what_it_is_not_given() -> nether::Result<()> {
    let (system, _) = system().await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    let ctx = system
        .context()
        .with(TenantId(7))
        .with(Region("north"))
        .with_principal("ann")
        .with_deadline(deadline);
    let known = ctx.send(TellFromWithin).await?;
    assert_eq!(known.tenant.as_deref(), Some(&TenantId(8)));
    assert_eq!(known.region.as_deref(), Some(&Region("north")));
    assert_eq!(known.principal.as_deref(), Some("a clerk"));
    assert_eq!(known.deadline, Some(deadline));
    assert_ne!(known.correlation, ctx.correlation_id());
    assert_eq!(known.parent, Some(ctx.correlation_id()));
    // The earlier deadline counts.
    let soon = Instant::now() + Duration::from_secs(1);
    let later = deadline + Duration::from_secs(60);
    assert_eq!(ctx.nested().with_deadline(soon).deadline(), Some(soon));
    assert_eq!(ctx.nested().with_deadline(later).deadline(), Some(deadline));
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_failure_of_a_nested_context_goes_to_its_closer_alone() -> nether::Result<()> {
    let (system, _) = system().await?;
    let ctx = system.context();
    let within = ctx.nested();
    within.process(Fail).await?;
    let error = within.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_nested_context_that_is_forgotten_is_a_failure_of_its_parent() -> nether::Result<()> {
    let (system, _) = system().await?;
    let ctx = system.context();
    ctx.send(Forget).await?;
    let error = ctx.close().await.unwrap_err();
    let [failure] = error.failures.as_slice() else {
        panic!("{error}");
    };
    let FailureKind::Nested(nested) = &failure.kind else {
        panic!("{error}");
    };
    assert!(nested.cancelled && nested.failures.len() == 1, "{nested}");
    assert!(
        error
            .to_string()
            .starts_with("`nested context`: the context was cancelled"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_parent_waits_for_what_was_begun_in_a_nested_context_that_was_dropped()
-> nether::Result<()> {
    let (system, gate) = system().await?;
    let ctx = system.context();
    {
        let within = ctx.nested();
        within.process(Hold).await?;
        tokio::task::yield_now().await; // It has begun.
    }
    let closing = tokio::spawn(ctx.close());
    tokio::task::yield_now().await;
    assert!(!closing.is_finished());
    gate.add_permits(1);
    assert_eq!(closing.await?.unwrap_err().failures.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_at_the_deadline_of_a_nested_context_that_was_dropped_is_reported()
-> nether::Result<()> {
    let (system, gate) = system().await?;
    let ctx = system.context();
    {
        let within = ctx.nested().with_timeout(Duration::from_millis(5));
        within.process(Hold).await?;
        tokio::task::yield_now().await; // It has begun.
    }
    let error = ctx.close().await.unwrap_err();
    let [failure] = error.failures.as_slice() else {
        panic!("{error}");
    };
    let FailureKind::Nested(nested) = &failure.kind else {
        panic!("{error}");
    };
    assert!(nested.cancelled && nested.failures.is_empty(), "{nested}");
    assert_eq!(nested.unfinished, 1, "{nested}");
    gate.add_permits(1);
    Ok(())
}

#[tokio::test]
async fn what_is_cancelled_is_cancelled_with_all_that_is_nested_in_it() -> nether::Result<()> {
    let (system, _) = system().await?;
    let ctx = system.context();
    let within = ctx.nested();
    let deep = within.nested();
    {
        let mut items = deep.stream::<u32>().join();
        ctx.cancel();
        assert!(matches!(items.pull().await, Err(StreamError::Cancelled)));
    }
    assert!(deep.close().await.unwrap_err().cancelled);
    assert!(within.close().await.unwrap_err().cancelled);
    assert!(ctx.nested().is_cancelled());
    assert!(ctx.close().await.unwrap_err().cancelled);
    Ok(())
}

#[tokio::test]
async fn what_is_nested_ends_no_later_than_its_parent() -> nether::Result<()> {
    let (system, _) = system().await?;
    let ctx = system.context();
    let within = ctx.nested();
    ctx.close().await?;
    assert!(within.send(Tell).await.is_err());
    assert!(within.close().await.unwrap_err().cancelled);
    Ok(())
}

#[tokio::test]
async fn events_of_all_types_are_seen_with_what_they_are() -> nether::Result<()> {
    let (system, gate) = system().await?;
    let mut everywhere = system.subscribe_any();
    gate.add_permits(2);
    let (ctx, other) = (system.context(), system.context());
    let mut here = ctx.subscribe_any();
    let id = ctx.correlation_id();
    ctx.process(Hold).await?;
    ctx.close().await?;
    other.process(Hold).await?;
    other.close().await?;
    let seen = here.next().await.expect("it was published");
    assert_eq!((seen.name, seen.id), (Told::NAME, Told::ID));
    assert_eq!((seen.context, seen.sequence), (id, Some(1)));
    assert_eq!(seen.json.as_deref(), Some("null"));
    assert!(here.next().await.is_none());
    assert_eq!(everywhere.next().await, Some(seen));
    assert_ne!(everywhere.next().await.map(|event| event.context), Some(id));
    // What the framework tells is seen too.
    let ctx = system.context();
    ctx.process(Fail).await?;
    assert!(ctx.close().await.is_err());
    let told = everywhere.next().await.expect("it was told");
    assert_eq!(told.name, "nether.handler_failed");
    system.shutdown().await;
    assert!(everywhere.next().await.is_none());
    assert!(system.subscribe_any().next().await.is_none());
    Ok(())
}

/// Takes an hour.
#[command]
struct Sleep;

/// Has its caller wait for `Sleep`.
#[command]
struct SleepElsewhere;

struct Sleeper;

#[module(handles = Sleep, manual)]
impl Sleeper {
    async fn sleep(&mut self, _: Sleep) {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}

struct Dreamer;

#[module(handles = SleepElsewhere, manual)]
impl Dreamer {
    async fn sleep(&self, _: SleepElsewhere, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Sleep).await?)
    }
}

async fn deadlines_may_come_late() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Sleeper).await?;
    system.attach(Dreamer).await?;
    let ctx = system.context();
    let (caller, through, puller) = (ctx.clone(), ctx.clone(), ctx.clone());
    let nested = ctx.nested();
    let began = Instant::now();
    let waiting = tokio::spawn(async move {
        let call = async { caller.send(Sleep).await.map_err(nether::Error::from) };
        let through = async {
            through
                .send(SleepElsewhere)
                .await
                .map_err(nether::Error::from)
        };
        let within = async { nested.send(Sleep).await.map_err(nether::Error::from) };
        tokio::join!(call, through, within)
    });
    let pulling = tokio::spawn(async move { puller.stream::<u8>().join().pull().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let ctx = ctx.with_timeout(Duration::from_millis(50));
    assert!(matches!(pulling.await?, Err(StreamError::DeadlineExceeded)));
    let (call, through, within) = waiting.await?;
    for late in [call, through, within] {
        let error = late.expect_err("it takes an hour");
        assert!(error.to_string().contains("deadline"), "{error}");
    }
    assert!(ctx.close().await.expect_err("three are left").unfinished > 0);
    assert!(
        began.elapsed() < Duration::from_secs(600),
        "{:?}",
        began.elapsed()
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_clone_sets_ends_the_calls_that_wait() -> nether::Result<()> {
    deadlines_may_come_late().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_a_clone_sets_ends_them_on_several_threads() -> nether::Result<()> {
    deadlines_may_come_late().await
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_clone_sets_ends_the_wait_for_the_close() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Sleeper).await?;
    let ctx = system.context();
    ctx.process(Sleep).await?;
    let closing = tokio::spawn(ctx.clone().close());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let _ctx = ctx.with_timeout(Duration::from_millis(50));
    assert_eq!(closing.await?.expect_err("it takes an hour").unfinished, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_clone_sets_ends_the_wait_for_room() -> nether::Result<()> {
    let system = System::builder().isolated().mailbox(1).start().await?;
    system.attach(Sleeper).await?;
    let ctx = system.context();
    let sender = ctx.clone();
    let sending = tokio::spawn(async move {
        loop {
            if let Err(late) = sender.process(Sleep).await {
                return late;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let ctx = ctx.with_timeout(Duration::from_millis(50));
    assert!(matches!(
        sending.await?,
        nether::SendError::DeadlineExceeded { .. }
    ));
    ctx.cancel();
    Ok(())
}
