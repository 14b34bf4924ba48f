//! Every way to a handler leads through its middleware, which knows what is known of the message.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{Answer, Call, Message, MessageKind, Next, Principal, Rejection};

use crate::notes::Notes;

/// Counts what comes by.
#[derive(Default)]
struct Counter(AtomicU64);

#[nether::middleware]
impl Counter {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        self.0.fetch_add(1, Ordering::SeqCst);
        next.run(call).await
    }
}

impl Counter {
    fn count(&self) -> u64 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// Another handle to the counter, for the test.
#[derive(Clone)]
struct Counted(std::sync::Arc<Counter>);

#[nether::middleware]
impl Counted {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        self.0.around(call, next).await
    }
}

#[command(reply = u64)]
#[derive(PartialEq)]
struct Add(u64);

#[query(reply = u64)]
struct Total;

#[event]
struct Added(u64);

#[derive(Default)]
struct Sum(u64);

#[module(handles = [Add, Total, Added], with = Counted, manual)]
impl Sum {
    async fn add(&mut self, Add(number): Add) -> u64 {
        self.0 += number;
        self.0
    }

    async fn total(&self, _: Total) -> u64 {
        self.0
    }

    async fn added(&mut self, Added(number): &Added) {
        self.0 += number;
    }
}

#[command(reply = u64)]
struct Twice(u64);

#[query(reply = u64)]
struct Half(u64);

/// Handles concurrently, and what it does it does not wait for.
struct Arithmetic;

#[module(handles = [Twice, Half, Added], with = Counted, manual)]
impl Arithmetic {
    fn twice(&self, Twice(number): Twice) -> u64 {
        number * 2
    }

    async fn half(&self, Half(number): Half) -> u64 {
        number / 2
    }

    async fn added(&self, _: &Added) {}
}

async fn every_way_leads_through_it() {
    let counter = std::sync::Arc::new(Counter::default());
    let system = System::builder()
        .isolated()
        .provide(Counted(counter.clone()));
    let system = system.start().await.unwrap();
    system.attach(Sum::default()).await.unwrap();
    system.attach(Arithmetic).await.unwrap();
    let ctx = system.context();
    assert_eq!(ctx.send(Add(2)).await.unwrap(), 2);
    assert_eq!(ctx.ask(Total).await.unwrap(), 2);
    assert_eq!(ctx.send(Twice(2)).await.unwrap(), 4);
    assert_eq!(ctx.ask(Half(2)).await.unwrap(), 1);
    assert_eq!(ctx.try_send(Add(1)).unwrap().await.unwrap(), 3);
    assert_eq!(ctx.try_send(Twice(1)).unwrap().await.unwrap(), 2);
    assert_eq!(counter.count(), 6);
    ctx.process(Add(1)).await.unwrap();
    ctx.process(Twice(1)).await.unwrap();
    ctx.try_process(Add(1)).unwrap();
    ctx.try_process(Twice(1)).unwrap();
    ctx.process(Total).await.unwrap();
    ctx.publish(Added(1)).await.unwrap();
    let nested = ctx.nested();
    nested.send(Add(1)).await.unwrap();
    nested.close().await.unwrap();
    ctx.close().await.unwrap();
    assert_eq!(counter.count(), 8);
}

#[tokio::test]
async fn every_way_to_a_handler_leads_through_its_middleware() {
    every_way_leads_through_it().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_leads_through_middleware_on_several_threads() {
    every_way_leads_through_it().await;
}

/// What a message must say so that a guard can look at it.
trait HasTenant {
    fn tenant(&self) -> &str;
}

#[command(reply = String)]
struct Open {
    tenant: String,
}

impl HasTenant for Open {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}

/// Knows the messages that it stands around.
struct TenantGuard(Notes);

#[nether::middleware]
impl TenantGuard {
    async fn around<M>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M>
    where
        M: Message + HasTenant,
    {
        // What is borrowed of the message is held while something else is waited for.
        let tenant = call.message().tenant();
        tokio::task::yield_now().await;
        if tenant != "ours" {
            return call.reject(Rejection::new(403, "another tenant"));
        }
        self.0.add(format!("{} {tenant}", call.module()));
        let info = call.info();
        let answer = next.run(call).await;
        self.0.add(info.message());
        answer
    }
}

struct Doors;

#[module(handles = Open, with = TenantGuard, manual)]
impl Doors {
    async fn open(&self, open: Open) -> String {
        format!("opened for {}", open.tenant)
    }
}

#[tokio::test]
async fn bounds_of_around_say_what_it_needs_of_its_messages() {
    let notes = Notes::default();
    let system = System::builder()
        .isolated()
        .provide(TenantGuard(notes.clone()));
    let system = system.start().await.unwrap();
    system.attach(Doors).await.unwrap();
    let ctx = system.context();
    let open = |tenant: &str| Open {
        tenant: tenant.to_owned(),
    };
    assert_eq!(ctx.send(open("ours")).await.unwrap(), "opened for ours");
    let (module, message) = ("middleware::deliveries::Doors ours", Open::NAME);
    assert_eq!(notes.take(), [module, message]);
    let error = ctx.send(open("theirs")).await.unwrap_err();
    assert_eq!(error.to_string(), "rejected: another tenant");
    assert!(notes.take().is_empty());
}

/// Stands around one message alone, whose reply it knows.
struct Rounding;

#[nether::middleware]
impl Rounding {
    async fn around(&self, call: Call<'_, Price>, next: Next<'_, Price>) -> Answer<Price> {
        let cents = call.message().0;
        let price = next.run(call).await?;
        Ok(price - price % 100 + cents % 100)
    }
}

#[query(reply = u64)]
struct Price(u64);

#[query(reply = u64)]
struct Discount;

struct Prices;

#[module(handles = [Price, Discount], manual)]
impl Prices {
    #[handler(with = Rounding)]
    async fn price(&self, Price(cents): Price) -> u64 {
        cents * 3
    }

    async fn discount(&self, _: Discount) -> u64 {
        5
    }
}

#[tokio::test]
async fn middleware_may_be_for_one_message_and_change_its_reply() {
    let system = System::builder().isolated().provide(Rounding);
    let system = system.start().await.unwrap();
    system.attach(Prices).await.unwrap();
    let ctx = system.context();
    assert_eq!(ctx.ask(Price(150)).await.unwrap(), 450);
    assert_eq!(ctx.ask(Discount).await.unwrap(), 5);
}

#[derive(Debug)]
struct Tenant(&'static str);

/// Notes all that is known.
struct Informed(Notes);

#[nether::middleware]
impl Informed {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        let info = call.info();
        assert_eq!(info.kind(), MessageKind::Command);
        assert_eq!(
            info.message_id().map(|id| id.context),
            Some(info.correlation_id())
        );
        let left = info.deadline().map(|at| at - tokio::time::Instant::now());
        self.0.add(format!(
            "{} in {}, attempt {}, for {:?}, of {:?}, within {left:?}, depth {}, caused {}",
            info.message(),
            info.module(),
            info.attempt(),
            info.principal().map(Principal::id),
            info.baggage::<Tenant>().map(|tenant| tenant.0),
            info.depth(),
            info.causation_id().is_some(),
        ));
        self.0.add(call.json().unwrap_or_default());
        next.run(call).await
    }
}

#[command]
struct First(u8);

#[command]
struct Second;

struct Chained;

#[module(handles = [First, Second], with = Informed, manual)]
impl Chained {
    async fn first(&self, _: First, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Second).await?)
    }

    async fn second(&self, _: Second) {}
}

#[tokio::test(start_paused = true)]
async fn middleware_knows_who_asks_and_by_when() {
    let notes = Notes::default();
    let system = System::builder()
        .isolated()
        .provide(Informed(notes.clone()));
    let system = system.start().await.unwrap();
    system.attach(Chained).await.unwrap();
    let ctx = system.context().with_principal("ann").with(Tenant("acme"));
    let ctx = ctx.with_timeout(Duration::from_secs(3));
    ctx.send(First(7)).await.unwrap();
    let module = "middleware::deliveries::Chained";
    let rest = "attempt 1, for Some(\"ann\"), of Some(\"acme\"), within Some(3s)";
    let expected = [
        format!("{} in {module}, {rest}, depth 1, caused false", First::NAME),
        "7".to_owned(),
        format!("{} in {module}, {rest}, depth 2, caused true", Second::NAME),
        "null".to_owned(),
    ];
    assert_eq!(notes.take(), expected);
}
