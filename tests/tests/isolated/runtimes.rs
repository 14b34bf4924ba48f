//! Threads without a runtime, and runtimes that go away: what was accepted is answered all the same.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use nether::prelude::*;
use nether::{HandlerFailed, Transaction};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(30);

fn runtime(is_current_thread: bool) -> Runtime {
    let builder = if is_current_thread {
        Builder::new_current_thread().enable_all().build()
    } else {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
    };
    builder.expect("a runtime")
}

#[command(local)]
struct Carry {
    _token: Arc<()>,
}

#[command(local, reply = u32)]
struct Answer {
    _token: Arc<()>,
}

#[command(local)]
struct CarryBeside {
    _token: Arc<()>,
}

struct Busy(u32);

#[module(handles = [Carry, Answer], manual)]
impl Busy {
    async fn carry(&mut self, _: Carry) {
        self.0 += 1;
        std::future::pending::<()>().await;
    }

    async fn answer(&mut self, _: Answer) -> u32 {
        self.0
    }
}

struct Beside;

#[module(handles = [CarryBeside, HandlerFailed], manual)]
impl Beside {
    async fn carry(&self, _: CarryBeside) {
        std::future::pending::<()>().await;
    }

    async fn failed(&self, _: &HandlerFailed) {}
}

#[test]
fn a_runtime_that_is_dropped_leaves_no_message_behind() {
    for is_current_thread in [true, false] {
        let token = Arc::new(());
        let runtime = runtime(is_current_thread);
        runtime.block_on(async {
            let system = System::builder()
                .isolated()
                .start()
                .await
                .expect("it starts");
            system.attach(Busy(0)).await.expect("it is attached");
            system.attach(Beside).await.expect("it is attached");
            let ctx = system.context();
            for _ in 0..10 {
                ctx.process(Carry {
                    _token: Arc::clone(&token),
                })
                .await
                .expect("accepted");
                ctx.process(CarryBeside {
                    _token: Arc::clone(&token),
                })
                .await
                .expect("accepted");
            }
            sleep(Duration::from_millis(5)).await; // One is handled, some have been taken.
            for _ in 0..100 {
                ctx.process(Carry {
                    _token: Arc::clone(&token),
                })
                .await
                .expect("accepted");
            }
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

#[test]
fn callers_elsewhere_are_answered_when_the_runtime_of_a_module_is_dropped() {
    for is_current_thread in [true, false] {
        let (theirs, ours) = (runtime(is_current_thread), runtime(true));
        let token = Arc::new(());
        let system = theirs.block_on(async {
            let system = System::builder()
                .isolated()
                .start()
                .await
                .expect("it starts");
            system.attach(Busy(0)).await.expect("it is attached");
            system.attach(Beside).await.expect("it is attached");
            system
        });
        ours.block_on(async {
            let ctx = system.context();
            ctx.process(Carry {
                _token: Arc::clone(&token),
            })
            .await
            .expect("accepted");
            ctx.process(CarryBeside {
                _token: Arc::clone(&token),
            })
            .await
            .expect("accepted");
            let mut call = pin!(ctx.send(Answer {
                _token: Arc::clone(&token)
            }));
            let polled = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            theirs.shutdown_background();
            let sent = timeout(LONG, call).await.expect("it is answered");
            assert!(matches!(sent, Err(CallError::Stopped { .. })), "{sent:?}");
            let closed = timeout(LONG, ctx.close())
                .await
                .expect("nothing is in flight");
            assert_eq!(closed.expect_err("two were lost").failures.len(), 2);
        });
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

struct Ledger(Arc<AtomicBool>);

impl Transaction for Ledger {
    async fn commit(self) -> nether::Result<()> {
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

#[command]
struct Note;

struct Notes;

#[module(handles = Note, manual)]
impl Notes {
    async fn note(&self, _: Note) -> nether::Result<()> {
        tokio::task::yield_now().await;
        Err(nether::Error::msg("no paper"))
    }
}

async fn started() -> System {
    let system = System::builder()
        .isolated()
        .start()
        .await
        .expect("it starts");
    system.attach(Notes).await.expect("it is attached");
    system.attach(Beside).await.expect("it is attached");
    system
}

#[test]
fn a_context_that_is_dropped_on_a_thread_without_a_runtime_is_rolled_back() {
    let runtime = runtime(false);
    let system = runtime.block_on(started());
    let is_rolled_back = Arc::new(AtomicBool::new(false));
    let ctx = system.context();
    assert!(ctx.enlist(Ledger(Arc::clone(&is_rolled_back))).is_ok());
    thread::spawn(move || drop(ctx))
        .join()
        .expect("nothing panics");
    runtime.block_on(system.shutdown()); // Which waits for transactions.
    assert!(is_rolled_back.load(Ordering::SeqCst));
}

#[test]
fn a_thread_without_a_runtime_may_spawn_and_hand_over() {
    let runtime = runtime(false);
    let system = runtime.block_on(started());
    let ctx = system.context();
    let handed = thread::spawn(move || {
        ctx.try_process(Note)
            .map_err(|it| it.error)
            .expect("accepted");
        ctx.spawn(async |ctx| Ok(ctx.send(Note).await?))
            .expect("accepted");
        ctx
    });
    let ctx = handed.join().expect("nothing panics");
    let closed = runtime.block_on(async { timeout(LONG, ctx.close()).await });
    let error = closed.expect("all has ended").expect_err("both fail");
    assert_eq!(error.failures.len(), 2, "{error}");
}

#[test]
fn a_command_whose_caller_leaves_on_a_thread_without_a_runtime_runs_on() {
    let runtime = runtime(false);
    let system = runtime.block_on(started());
    let ctx = system.context();
    let left = thread::spawn(move || {
        {
            let mut call = pin!(ctx.send(Note));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(call.as_mut().poll(&mut cx).is_pending());
        }
        ctx
    });
    let ctx = left.join().expect("nothing panics");
    let closed = runtime.block_on(async { timeout(LONG, ctx.close()).await });
    let error = closed.expect("it has ended").expect_err("it failed");
    assert!(
        error.failures[0].kind.to_string().contains("no paper"),
        "{error}"
    );
}
