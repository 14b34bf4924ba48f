//! Middleware is part of the attempt: its panics are the module's crash, its time counts, and it runs again
//! with the handler.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nether::prelude::*;
use nether::{Answer, AnswerError, Call, Message, Next, Principal};

use crate::notes::{Notes, Outer, noting};

/// Panics before or after the handler, as the principal says.
struct Panicking;

#[nether::middleware]
impl Panicking {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        let when = call
            .principal()
            .map(Principal::id)
            .unwrap_or_default()
            .to_owned();
        assert_ne!(when, "before", "a guard fell");
        let answer = next.run(call).await;
        assert_ne!(when, "after", "a guard fell");
        answer
    }
}

#[command(reply = u32)]
struct Count;

#[derive(Default)]
struct Counting(u32);

#[module(handles = Count, with = Panicking)]
impl Counting {
    async fn count(&mut self, _: Count) -> u32 {
        self.0 += 1;
        self.0
    }
}

#[query(reply = u32)]
struct Look;

#[derive(Default)]
struct Looking;

#[module(handles = Look, with = Panicking)]
impl Looking {
    async fn look(&self, _: Look) -> u32 {
        1
    }
}

#[tokio::test]
async fn a_panic_in_middleware_is_a_crash_of_the_module() {
    let system = System::builder().isolated().provide(Panicking);
    let system = system.with::<Counting>().with::<Looking>();
    let system = system.start().await.unwrap();
    let calm = system.context();
    for when in ["before", "after"] {
        assert_eq!(calm.send(Count).await.unwrap(), 1);
        let ctx = system.context().with_principal(when);
        let Err(CallError::Panicked(panic)) = ctx.send(Count).await else {
            panic!("it did not panic");
        };
        assert!(panic.text.contains("a guard fell"));
        let Err(CallError::Panicked(_)) = ctx.ask(Look).await else {
            panic!("it did not panic");
        };
        assert_eq!(calm.ask(Look).await.unwrap(), 1);
    }
    // It was made anew each time.
    assert_eq!(calm.send(Count).await.unwrap(), 1);
    let modules = system.modules();
    let counting = modules.iter().find(|it| it.name.ends_with("Counting"));
    assert_eq!(counting.expect("it runs").restarts, 2);
}

/// Waits for ever, before or after the handler.
struct Waiting;

#[nether::middleware]
impl Waiting {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        if call.principal().map(Principal::id) == Some("before") {
            pending::<()>().await;
        }
        let answer = next.run(call).await;
        pending::<()>().await;
        answer
    }
}

#[command]
struct Hurry;

#[derive(Default)]
struct Hurrying;

#[module(handles = Hurry, timeout = "2s", with = Waiting)]
impl Hurrying {
    async fn hurry(&mut self, _: Hurry) {}
}

#[query]
struct HurryBeside;

#[derive(Default)]
struct HurryingBeside;

#[module(handles = HurryBeside, timeout = "2s", with = Waiting)]
impl HurryingBeside {
    async fn hurry(&self, _: HurryBeside) {}
}

#[tokio::test(start_paused = true)]
async fn a_time_out_bounds_middleware() {
    let system = System::builder().isolated().provide(Waiting);
    let system = system.with::<Hurrying>().with::<HurryingBeside>();
    let system = system.start().await.unwrap();
    for when in ["before", "after"] {
        let ctx = system.context().with_principal(when);
        let error = ctx.send(Hurry).await.unwrap_err();
        assert!(matches!(error, CallError::TimedOut(_)), "{error}");
        let error = ctx.ask(HurryBeside).await.unwrap_err();
        assert!(matches!(error, CallError::TimedOut(_)), "{error}");
    }
}

/// Notes attempts, and fails every message until the third.
#[derive(Clone, Default)]
struct Attempts(Notes);

#[nether::middleware]
impl Attempts {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        let attempt = call.attempt();
        let answer = next.run(call).await;
        self.0.add(format!("{attempt}: {}", answer.is_ok()));
        answer
    }
}

#[command(reply = u32)]
struct Try;

#[command(reply = u32)]
struct TryBeside;

#[derive(Default)]
struct Trying(u32);

#[module(handles = Try, retry = 3, with = Attempts)]
impl Trying {
    async fn run(&mut self, _: Try) -> nether::Result<u32> {
        self.0 += 1;
        match self.0 {
            3 => Ok(3),
            _ => Err(nether::Error::msg("not yet")),
        }
    }
}

#[derive(Default)]
struct TryingBeside(AtomicU32);

#[module(handles = TryBeside, retry = 3, with = Attempts)]
impl TryingBeside {
    async fn run(&self, _: TryBeside) -> nether::Result<u32> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            2 => Ok(3),
            _ => Err(nether::Error::msg("not yet")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_runs_once_for_each_attempt() {
    let attempts = Attempts::default();
    let system = System::builder().isolated().provide(attempts.clone());
    let system = system.with::<Trying>().with::<TryingBeside>();
    let system = system.start().await.unwrap();
    let ctx = system.context();
    let expected = ["1: false", "2: false", "3: true"];
    assert_eq!(ctx.send(Try).await.unwrap(), 3);
    assert_eq!(attempts.0.take(), expected);
    assert_eq!(ctx.send(TryBeside).await.unwrap(), 3);
    assert_eq!(attempts.0.take(), expected);
}

/// Answers the second time what it was answered the first time.
#[derive(Default)]
struct Cached(std::sync::Mutex<Option<u32>>);

#[nether::middleware]
impl Cached {
    async fn around<M>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M>
    where
        M: Message<Reply = u32>,
    {
        let known = *self.0.lock().expect("no holder panics");
        if let Some(known) = known {
            // What comes next is dropped, and was not run.
            drop((call, next));
            return Ok(known);
        }
        let answer = next.run(call).await?;
        *self.0.lock().expect("no holder panics") = Some(answer);
        Ok(answer)
    }
}

/// Tells when it is dropped.
#[command(local, reply = u32)]
struct Ask(Arc<()>);

#[derive(Default)]
struct Answering(u32);

#[module(handles = Ask, with = Cached)]
impl Answering {
    async fn run(&mut self, Ask(content): Ask) -> u32 {
        drop(content);
        self.0 += 1;
        self.0
    }
}

#[command(local, reply = u32)]
struct AskBeside(Arc<()>);

#[derive(Default)]
struct AnsweringBeside(AtomicU32);

#[module(handles = AskBeside, with = Cached)]
impl AnsweringBeside {
    async fn run(&self, AskBeside(content): AskBeside) -> u32 {
        drop(content);
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[tokio::test]
async fn middleware_may_answer_by_itself_and_the_handler_is_not_called() {
    for is_exclusive in [true, false] {
        let system = System::builder().isolated().provide(Cached::default());
        let system = system.with::<Answering>().with::<AnsweringBeside>();
        let system = system.start().await.unwrap();
        let ctx = system.context();
        let content = Arc::new(());
        for _ in 0..3 {
            let content = Arc::clone(&content);
            let answer = match is_exclusive {
                true => ctx.send(Ask(content)).await,
                false => ctx.send(AskBeside(content)).await,
            };
            assert_eq!(answer.unwrap(), 1);
        }
        ctx.close().await.unwrap();
        // The messages that were not handled are gone, too.
        assert_eq!(Arc::strong_count(&content), 1);
    }
}

#[command(error = NotToday)]
struct Refuse;

#[derive(Debug, thiserror::Error)]
#[error("not today")]
struct NotToday;

struct Refusing;

#[module(handles = Refuse, with = Outer, manual)]
impl Refusing {
    async fn refuse(&self, _: Refuse) -> Result<(), NotToday> {
        Err(NotToday)
    }
}

#[tokio::test]
async fn middleware_sees_the_error_of_the_handler_and_the_caller_gets_it() {
    let notes = Notes::default();
    let system = noting(&notes).start().await.unwrap();
    system.attach(Refusing).await.unwrap();
    let error = system.context().send(Refuse).await.unwrap_err();
    assert!(matches!(error, CallError::Handler(NotToday)));
    assert_eq!(notes.take(), ["outer begins", "outer fails"]);
}

/// Makes a reply of an error.
struct Forgiving;

#[nether::middleware]
impl Forgiving {
    async fn around<M>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M>
    where
        M: Message<Reply = ()>,
    {
        match next.run(call).await {
            Err(AnswerError::Handler(_)) => Ok(()),
            answer => answer,
        }
    }
}

#[command]
struct Stumble;

struct Stumbling;

#[module(handles = Stumble, with = Forgiving, manual)]
impl Stumbling {
    async fn stumble(&mut self, _: Stumble) -> nether::Result<()> {
        Err(nether::Error::msg("a stone"))
    }
}

#[tokio::test]
async fn what_middleware_gives_back_is_what_came_of_the_message() {
    let system = System::builder().isolated().provide(Forgiving);
    let system = system.start().await.unwrap();
    system.attach(Stumbling).await.unwrap();
    let ctx = system.context();
    ctx.send(Stumble).await.unwrap();
    ctx.process(Stumble).await.unwrap();
    ctx.close().await.unwrap();
}
