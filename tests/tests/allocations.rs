//! What a message costs the allocator: a counting one proves it.

use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::cell::Cell;

use nether::prelude::*;
use nether::{Answer, Call, Message, Next};

/// Counts the allocations of its thread; the tests run on the current thread alone.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { Heap.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: u64 = 1000;

#[command]
struct Add(u64);

#[command]
struct Cascade(u64);

#[query(reply = u64)]
struct Total;

#[query(reply = u64)]
struct SharedTotal;

#[event]
struct Added(u64);

#[derive(Default)]
struct Adder {
    total: u64,
}

#[module(handles = [Add, Cascade, Total, Added])]
impl Adder {
    async fn add(&mut self, Add(number): Add) {
        self.total += number;
    }

    async fn cascade(
        &mut self,
        Cascade(number): Cascade,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        ctx.process(Add(number)).await?;
        Ok(())
    }

    async fn total(&self, _: Total) -> u64 {
        self.total
    }

    async fn added(&mut self, &Added(number): &Added) {
        self.total += number;
    }
}

macro_rules! listeners {
    ($($name:ident)*) => {$(
        #[derive(Default)]
        struct $name {
            total: u64,
        }

        #[module(handles = Added)]
        impl $name {
            async fn added(&mut self, &Added(number): &Added) {
                self.total += number;
            }
        }
    )*};
}
listeners!(Listener1 Listener2 Listener3 Listener4 Listener5 Listener6 Listener7 Listener8 Listener9);

#[derive(Default)]
struct Reader;

#[module(handles = SharedTotal)]
impl Reader {
    async fn total(&self, _: SharedTotal) -> u64 {
        42
    }
}

struct Outer;

#[nether::middleware]
impl Outer {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

struct Inner;

#[nether::middleware]
impl Inner {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

#[command]
struct Surrounded(u64);

#[query(reply = u64)]
struct SurroundedToo;

#[derive(Default)]
struct Centre(u64);

#[module(handles = Surrounded, with = [Outer, Inner], timeout = "5s")]
impl Centre {
    async fn surrounded(&mut self, Surrounded(number): Surrounded) {
        self.0 += number;
    }
}

#[derive(Default)]
struct SharedCentre;

#[module(handles = SurroundedToo, with = [Outer, Inner])]
impl SharedCentre {
    async fn surrounded(&self, _: SurroundedToo) -> u64 {
        42
    }
}

/// Lets modules work until they have nothing to do.
async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// How many allocations one round of `work` costs, once everything is warm; modules do their part in between.
async fn per_round(ctx: &Context, work: impl AsyncFn(&Context)) -> f64 {
    // A mailbox has two buffers that take turns, so each must have seen the load before.
    for _ in 0..4 {
        for _ in 0..ROUNDS {
            work(ctx).await;
        }
        settled().await;
    }
    let before = ALLOCATIONS.get();
    for _ in 0..ROUNDS {
        work(ctx).await;
    }
    settled().await;
    (ALLOCATIONS.get() - before) as f64 / ROUNDS as f64
}

async fn started() -> System {
    System::builder()
        .mailbox(100_000)
        .provide(Outer)
        .provide(Inner)
        .start()
        .await
        .expect("the program is sound")
}

#[tokio::test]
async fn process_allocates_nothing() {
    let system = started().await;
    let ctx = system.context();
    let spent = per_round(&ctx, async |ctx| {
        ctx.process(Add(1)).await.expect("accepted")
    })
    .await;
    assert_eq!(spent, 0.0);
    ctx.close().await.expect("nothing fails");
}

#[tokio::test]
async fn process_from_inside_a_handler_allocates_nothing() {
    let system = started().await;
    let ctx = system.context();
    let spent = per_round(&ctx, async |ctx| {
        ctx.process(Cascade(1)).await.expect("accepted")
    })
    .await;
    assert_eq!(spent, 0.0);
    ctx.close().await.expect("nothing fails");
}

#[tokio::test]
async fn publish_allocates_once_however_many_modules_listen() {
    let system = started().await;
    assert_eq!(
        system
            .topology()
            .edges
            .iter()
            .filter(|edge| edge.message.ends_with("::Added"))
            .count(),
        10
    );
    let ctx = system.context();
    let spent = per_round(&ctx, async |ctx| {
        ctx.publish(Added(1)).await.expect("accepted")
    })
    .await;
    assert_eq!(spent, 1.0);
    ctx.close().await.expect("nothing fails");
}

#[tokio::test]
async fn send_and_ask_allocate_one_reply_cell() {
    let system = started().await;
    let ctx = system.context();
    let send = per_round(&ctx, async |ctx| ctx.send(Add(1)).await.expect("replied")).await;
    assert_eq!(send, 1.0);
    let ask = per_round(&ctx, async |ctx| {
        ctx.ask(Total).await.expect("answered");
    })
    .await;
    assert_eq!(ask, 1.0);
    ctx.close().await.expect("nothing fails");
}

#[tokio::test]
async fn a_call_to_a_shared_module_allocates_its_future_alone() {
    let system = started().await;
    let ctx = system.context();
    let ask = per_round(&ctx, async |ctx| {
        assert_eq!(ctx.ask(SharedTotal).await.expect("answered"), 42)
    })
    .await;
    assert_eq!(ask, 1.0);
    ctx.close().await.expect("nothing fails");
}

#[tokio::test]
async fn middleware_and_time_outs_allocate_nothing() {
    let system = started().await;
    let ctx = system.context();
    let process = per_round(&ctx, async |ctx| {
        ctx.process(Surrounded(1)).await.expect("accepted");
    })
    .await;
    assert_eq!(process, 0.0);
    let ask = per_round(&ctx, async |ctx| {
        assert_eq!(ctx.ask(SurroundedToo).await.expect("answered"), 42)
    })
    .await;
    // The call itself is one; the clock of the time-out allocates now and then.
    assert!((1.0..1.1).contains(&ask), "{ask} allocations each");
    ctx.close().await.expect("nothing fails");
}

#[tokio::test]
async fn a_context_costs_one_allocation() {
    let system = started().await;
    let work = system.context();
    let spent = per_round(&work, async |_| {
        let ctx = system.context();
        ctx.process(Add(1)).await.expect("accepted");
        ctx.close().await.expect("nothing fails");
    })
    .await;
    assert_eq!(spent, 1.0);
}
