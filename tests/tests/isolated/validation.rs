//! Messages with rules: one that breaks them reaches no handler, however it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use garde::Validate;
use nether::prelude::*;
use nether::{CallError, FailureKind, SendError, Violations};

/// Derives its rules, and those of what is in it.
#[command(reply = usize, validate)]
#[derive(PartialEq, Validate)]
pub struct PlaceOrder {
    #[garde(length(min = 1, max = 20))]
    pub customer: String,
    #[garde(dive)]
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, Validate)]
pub struct Line {
    #[garde(range(min = 1))]
    pub count: u32,
}

/// Names a function.
#[query(reply = u32, validate = Self::rules)]
pub struct Between {
    pub from: u32,
    pub to: u32,
}

impl Between {
    fn rules(&self) -> Result<(), Violations> {
        let mut violations = Violations::new();
        if self.from > self.to {
            violations.add("", "`from` is behind `to`");
        }
        violations.into_result()
    }
}

/// Sends what the handler gets.
#[command(reply = String)]
pub struct Forward(pub PlaceOrder);

/// Places orders.
pub struct Desk {
    handled: Arc<AtomicU64>,
}

#[module(handles = PlaceOrder, manual)]
impl Desk {
    async fn place(&mut self, order: PlaceOrder) -> usize {
        self.handled.fetch_add(1, Ordering::SeqCst);
        order.lines.len()
    }
}

/// Answers in its caller's task.
pub struct Numbers {
    handled: Arc<AtomicU64>,
}

#[module(handles = Between, manual)]
impl Numbers {
    async fn between(&self, between: Between) -> u32 {
        self.handled.fetch_add(1, Ordering::SeqCst);
        between.to - between.from
    }
}

pub struct Forwarder;

#[module(handles = Forward, manual)]
impl Forwarder {
    async fn forward(&mut self, forward: Forward, ctx: &Context<Self>) -> String {
        match ctx.send(forward.0).await {
            Ok(lines) => format!("{lines} lines"),
            Err(error) => error.to_string(),
        }
    }
}

struct Shop {
    system: System,
    handled: Arc<AtomicU64>,
    _attached: (
        nether::Attached<Desk>,
        nether::Attached<Numbers>,
        nether::Attached<Forwarder>,
    ),
}

async fn shop() -> Shop {
    let system = System::builder().isolated().start().await.unwrap();
    let handled = Arc::new(AtomicU64::new(0));
    let desk = Desk {
        handled: Arc::clone(&handled),
    };
    let numbers = Numbers {
        handled: Arc::clone(&handled),
    };
    let _attached = (
        system.attach(desk).await.unwrap(),
        system.attach(numbers).await.unwrap(),
        system.attach(Forwarder).await.unwrap(),
    );
    Shop {
        system,
        handled,
        _attached,
    }
}

fn order(customer: &str, counts: &[u32]) -> PlaceOrder {
    PlaceOrder {
        customer: customer.to_owned(),
        lines: counts.iter().map(|&count| Line { count }).collect(),
    }
}

/// What is wrong with an order without a customer whose second line is empty.
const WRONG: &str = "`customer`: length is lower than 1; `lines[1].count`: lower than 1";

#[tokio::test]
async fn a_message_that_keeps_its_rules_is_handled() {
    let shop = shop().await;
    let ctx = shop.system.context();
    assert_eq!(ctx.send(order("Ann", &[1, 2])).await.unwrap(), 2);
    assert_eq!(ctx.ask(Between { from: 1, to: 3 }).await.unwrap(), 2);
    ctx.process(order("Ann", &[])).await.unwrap();
    ctx.try_process(order("Ann", &[])).unwrap();
    assert_eq!(ctx.try_send(order("Ann", &[1])).unwrap().await.unwrap(), 1);
    ctx.close().await.unwrap();
    assert_eq!(shop.handled.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn all_broken_rules_are_reported_at_once_and_no_handler_sees_the_message() {
    let shop = shop().await;
    let ctx = shop.system.context();

    let Err(CallError::Invalid(invalid)) = ctx.send(order("", &[1, 0])).await else {
        panic!("it breaks its rules");
    };
    assert_eq!(invalid.violations.to_string(), WRONG);
    let fields: Vec<&str> = invalid.violations.iter().map(|it| &*it.field).collect();
    assert_eq!(fields, ["customer", "lines[1].count"]);
    let said = invalid.to_string();
    assert!(
        said.ends_with(&format!("::PlaceOrder` is not valid: {WRONG}")),
        "{said}"
    );

    let asked = ctx.ask(Between { from: 3, to: 1 }).await;
    let Err(CallError::Invalid(invalid)) = asked else {
        panic!("it breaks its rules");
    };
    assert_eq!(invalid.violations.to_string(), "`from` is behind `to`");

    ctx.close().await.unwrap();
    assert_eq!(shop.handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_caller_that_does_not_wait_for_the_reply_gets_the_error_as_well() {
    let shop = shop().await;
    let ctx = shop.system.context();
    let Err(SendError::Invalid(invalid)) = ctx.process(order("", &[1, 0])).await else {
        panic!("it breaks its rules");
    };
    assert_eq!(invalid.violations.to_string(), WRONG);
    for refused in [
        ctx.try_process(order("", &[1, 0])).err(),
        ctx.try_send(order("", &[1, 0])).err(),
    ] {
        let refused = refused.expect("it breaks its rules");
        assert!(matches!(refused.error, SendError::Invalid(_)));
        assert_eq!(refused.message, order("", &[1, 0]), "it is handed back");
    }
    ctx.close().await.unwrap();
    assert_eq!(shop.handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_modules_and_tasks_send_is_held_to_the_rules_too() {
    let shop = shop().await;
    let ctx = shop.system.context();
    let said = ctx.send(Forward(order("", &[1, 0]))).await.unwrap();
    assert!(said.ends_with(WRONG), "{said}");
    assert_eq!(
        ctx.send(Forward(order("Ann", &[1]))).await.unwrap(),
        "1 lines"
    );

    ctx.spawn(async |ctx| {
        ctx.send(order("", &[1, 0])).await?;
        Ok(())
    })
    .unwrap();
    let error = ctx.close().await.unwrap_err();
    let [failure] = &*error.failures else {
        panic!("the task alone failed: {error}");
    };
    let FailureKind::Handler(why) = &failure.kind else {
        panic!("the error is the task's own: {failure}");
    };
    assert!(why.to_string().ends_with(WRONG), "{why}");
    assert_eq!(shop.handled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_message_without_a_handler_is_reported_first() {
    let system = System::builder().isolated().start().await.unwrap();
    let error = system.context().send(order("", &[])).await.unwrap_err();
    assert!(matches!(error, CallError::NoRoute(_)), "{error}");
}

/// Its rules panic.
#[command(validate = Self::rules)]
pub struct Unruly;

impl Unruly {
    fn rules(&self) -> Result<(), Violations> {
        panic!("not today")
    }
}

/// Sends what panics on its way.
#[command(reply = u32)]
pub struct Relay;

/// Takes both.
#[derive(Default)]
pub struct Relays(u32);

#[module(handles = [Unruly, Relay], manual)]
impl Relays {
    async fn unruly(&mut self, _: Unruly) {}

    async fn relay(&mut self, _: Relay, ctx: &Context<Self>) -> u32 {
        self.0 += 1;
        let refused = ctx.process(Unruly).await;
        assert!(matches!(refused, Err(SendError::Invalid(_))));
        self.0
    }
}

#[tokio::test]
async fn rules_that_panic_refuse_the_message_and_crash_no_module() {
    let system = System::builder().isolated().start().await.unwrap();
    system.attach(Relays::default()).await.unwrap();
    let ctx = system.context();
    let Err(CallError::Invalid(invalid)) = ctx.send(Unruly).await else {
        panic!("its rules panic");
    };
    assert_eq!(
        invalid.violations.to_string(),
        "its rules could not be checked"
    );
    let refused = ctx.try_process(Unruly).unwrap_err();
    assert!(matches!(refused.error, SendError::Invalid(_)));
    // The module that sends it on keeps its state.
    assert_eq!(ctx.send(Relay).await.unwrap(), 1);
    assert_eq!(ctx.send(Relay).await.unwrap(), 2);
}
