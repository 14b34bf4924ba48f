//! What the tests pay at: an exclusive and a shared module that do as the command and the test say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nether::eventstore::Store;
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{Answer, JSON, by_header, head_and_body, open, request};
use tokio::sync::Semaphore;

/// What is paid at by both modules.
pub const TILLS: [&str; 2] = ["POST /exclusive", "POST /shared"];

#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum PayError {
    #[error("there is no money")]
    #[problem(status = 422)]
    Refused,
    #[error("the till is broken")]
    #[problem(status = 507)]
    Broken,
}

/// What a payment comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum End {
    Paid,
    Refused,
    Broken,
    Panics,
    /// It cancels its own unit of work.
    Cancels,
    /// It is paid, but something that it causes fails.
    FailsLater,
    /// It sends another command once it may go on.
    Records,
}

#[command(reply = u32, error = PayError, http = "POST /exclusive")]
pub struct PayAlone {
    pub end: End,
    /// Whether it waits until the test lets it go on.
    #[serde(default)]
    pub waits: bool,
}

#[command(reply = u32, error = PayError, http = "POST /shared")]
pub struct PayBeside {
    pub end: End,
    #[serde(default)]
    pub waits: bool,
}

#[command]
pub struct Record;

#[event]
pub struct Forgot;

/// What the test knows of the payments, and holds up.
#[derive(Debug)]
pub struct Control {
    pub paid: AtomicU32,
    pub recorded: AtomicU32,
    begun: Semaphore,
    go_on: Semaphore,
}

impl Control {
    /// Waits until another payment that waits has begun.
    pub async fn begun(&self) {
        self.begun.acquire().await.expect("it is open").forget();
    }

    /// Lets one payment that waits go on.
    pub fn go_on(&self) {
        self.go_on.add_permits(1);
    }

    pub fn paid(&self) -> u32 {
        self.paid.load(Ordering::SeqCst)
    }

    async fn pay(&self, end: End, waits: bool) -> Result<u32, PayError> {
        let paid = self.paid.fetch_add(1, Ordering::SeqCst) + 1;
        if waits {
            self.begun.add_permits(1);
            self.go_on.acquire().await.expect("it is open").forget();
        }
        match end {
            End::Refused => Err(PayError::Refused),
            End::Broken => Err(PayError::Broken),
            End::Panics => panic!("the till falls"),
            _ => Ok(paid),
        }
    }
}

pub struct Till(Arc<Control>);

#[module(handles = PayAlone, emits = Forgot, calls = Record, manual)]
impl Till {
    async fn pay(&mut self, pay: PayAlone, ctx: &Context<Self>) -> Result<u32, PayError> {
        let paid = self.0.pay(pay.end, pay.waits).await?;
        match pay.end {
            End::Cancels => ctx.cancel(),
            End::FailsLater => ctx.publish(Forgot).await.expect("it is accepted"),
            End::Records => ctx.send(Record).await.map_err(|_| PayError::Broken)?,
            _ => {}
        }
        Ok(paid)
    }
}

pub struct Desk(Arc<Control>);

#[module(handles = PayBeside, emits = Forgot, calls = Record, manual)]
impl Desk {
    async fn pay(&self, pay: PayBeside, ctx: &Context<Self>) -> Result<u32, PayError> {
        let paid = self.0.pay(pay.end, pay.waits).await?;
        match pay.end {
            End::Cancels => ctx.cancel(),
            End::FailsLater => ctx.publish(Forgot).await.expect("it is accepted"),
            End::Records => ctx.send(Record).await.map_err(|_| PayError::Broken)?,
            _ => {}
        }
        Ok(paid)
    }
}

/// Handles what payments cause.
pub struct Back(Arc<Control>);

#[module(handles = [Record, Forgot], manual)]
impl Back {
    async fn record(&mut self, _: Record) {
        self.0.recorded.fetch_add(1, Ordering::SeqCst);
    }

    async fn forgot(&mut self, _: &Forgot) -> nether::Result<()> {
        Err(nether::Error::msg("it was forgotten"))
    }
}

/// A system with both tills, and its server.
pub struct Shop {
    pub system: System,
    pub at: String,
    pub control: Arc<Control>,
}

impl Shop {
    /// With the keys in memory.
    pub async fn forgetful() -> Self {
        Shop::open(None, |server| server).await
    }

    pub async fn open(store: Option<Store>, set: impl FnOnce(Server) -> Server) -> Self {
        let mut builder = System::builder().isolated();
        if let Some(store) = store {
            builder = builder.provide(store);
        }
        let system = builder.start().await.expect("the program is sound");
        Shop::opened(system, set).await
    }

    pub async fn opened(system: System, set: impl FnOnce(Server) -> Server) -> Self {
        let control = Arc::new(Control {
            paid: AtomicU32::new(0),
            recorded: AtomicU32::new(0),
            begun: Semaphore::new(0),
            go_on: Semaphore::new(0),
        });
        let of = || Arc::clone(&control);
        system.attach(Till(of())).await.expect("it is new");
        system.attach(Desk(of())).await.expect("it is new");
        system.attach(Back(of())).await.expect("it is new");
        let server = Server::new(&system).authenticate(by_header());
        let at = open(&system, set(server)).await;
        Shop {
            system,
            at,
            control,
        }
    }

    /// Pays with a key.
    pub async fn pay(&self, till: &str, key: &str, end: End) -> Answer {
        let headers = [JSON, ("idempotency-key", key)];
        request(&self.at, till, &headers, &body(end, false)).await
    }

    /// Repeats a payment until it is not in progress any more.
    pub async fn pay_until_known(&self, till: &str, key: &str) -> Answer {
        loop {
            let answer = self.pay(till, key, End::Paid).await;
            if answer.status != 409 {
                return answer;
            }
        }
    }

    /// Repeats a payment that waits, once it is not in progress any more.
    pub async fn pay_waiting_until_done(&self, till: &str, key: &str, end: End) -> Answer {
        loop {
            let headers = [JSON, ("idempotency-key", key)];
            let answer = request(&self.at, till, &headers, &body(end, true)).await;
            if answer.status != 409 || answer.header("retry-after").is_empty() {
                return answer;
            }
        }
    }
}

pub fn body(end: End, waits: bool) -> String {
    serde_json::json!({ "end": end, "waits": waits }).to_string()
}

/// The text of a payment that waits, whose client waits for `patience` seconds.
pub fn waiting(till: &str, key: &str, end: End, patience: u64) -> String {
    let prefer = format!("wait={patience}");
    let headers = [JSON, ("idempotency-key", key), ("prefer", &prefer)];
    head_and_body(till, &headers, &body(end, true))
}

/// Lets that much time pass, at once.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
