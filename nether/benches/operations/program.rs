//! The program that is measured: handlers that do next to nothing, so that what is left is Nether.

use nether::prelude::*;

#[command]
pub(crate) struct Add(pub(crate) u64);

#[query(reply = u64)]
pub(crate) struct Total;

#[query(reply = u64)]
pub(crate) struct SharedTotal;

#[event]
pub(crate) struct Added(pub(crate) u64);

#[command]
pub(crate) struct Begin(pub(crate) u64);

#[event]
struct First(u64);

#[event]
struct Second(u64);

#[event]
struct Third(u64);

#[derive(Default)]
pub(crate) struct Sum(u64);

#[module(handles = [Add, Total], manual)]
impl Sum {
    async fn add(&mut self, Add(number): Add) {
        self.0 = self.0.wrapping_add(number);
    }

    async fn total(&self, _: Total) -> u64 {
        self.0
    }
}

pub(crate) struct Shared(u64);

#[module(handles = SharedTotal, manual)]
impl Shared {
    async fn total(&self, _: SharedTotal) -> u64 {
        self.0
    }
}

#[derive(Default)]
pub(crate) struct Listener(u64);

#[module(handles = Added, manual)]
impl Listener {
    async fn added(&mut self, &Added(number): &Added) {
        self.0 = self.0.wrapping_add(number);
    }
}

/// Each event causes the next.
#[derive(Default)]
pub(crate) struct Cascade(u64);

#[module(handles = [Begin, First, Second, Third], emits = [First, Second, Third], manual)]
impl Cascade {
    async fn begin(&mut self, Begin(number): Begin, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.publish(First(number)).await?)
    }

    async fn first(&mut self, &First(number): &First, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.publish(Second(number)).await?)
    }

    async fn second(
        &mut self,
        &Second(number): &Second,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        Ok(ctx.publish(Third(number)).await?)
    }

    async fn third(&mut self, &Third(number): &Third) {
        self.0 = self.0.wrapping_add(number);
    }
}

/// A system with one of each module, and this many listeners.
pub(crate) async fn started(listeners: usize) -> System {
    try_start(listeners).await.expect("the program is sound")
}

async fn try_start(listeners: usize) -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    let _ = system.attach(Sum::default()).await?;
    let _ = system.attach(Shared(42)).await?;
    let _ = system.attach(Cascade::default()).await?;
    for _ in 0..listeners {
        let _ = system.attach(Listener::default()).await?;
    }
    Ok(system)
}
