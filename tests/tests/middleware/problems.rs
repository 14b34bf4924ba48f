//! Over HTTP, a rejection is a problem with its status.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nether::http::Server;
use nether::prelude::*;
use nether::{Answer, Call, Message, Next, Principal, Rejection};
use nether_tests::http::{Answer as HttpAnswer, JSON, by_header, open, request};

/// Rejects what is asked without a name.
#[derive(Default)]
struct Doorkeeper {
    was_asked: AtomicBool,
}

#[nether::middleware]
impl Doorkeeper {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        match call.principal().map(Principal::id) {
            None => {
                let rejection = Rejection::new(401, "say who you are");
                call.reject(rejection.www_authenticate("Bearer"))
            }
            Some("noisy") => {
                let rejection = Rejection::new(429, "not so fast");
                call.reject(rejection.retry_after(Duration::from_millis(1500)))
            }
            Some("late") => call.reject(Rejection::new(503, "we are closed")),
            Some("shy") if !self.was_asked.swap(true, Ordering::SeqCst) => {
                call.reject(Rejection::new(409, "ask again"))
            }
            Some(_) => next.run(call).await,
        }
    }
}

#[query(reply = u32, http = "GET /plants")]
struct Plants;

#[command(reply = u32, http = "POST /plants")]
struct Sow;

#[derive(Default)]
struct Garden(AtomicU32);

#[module(handles = [Plants, Sow], with = Doorkeeper, manual)]
impl Garden {
    async fn sow(&self, _: Sow) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    async fn plants(&self, _: Plants) -> u32 {
        3
    }
}

/// A server that believes what clients say of themselves.
fn named(system: &System) -> Server {
    Server::new(system).authenticate(by_header())
}

async fn ask(address: &str, name: &str) -> HttpAnswer {
    request(address, "GET /plants", &[("x-user", name)], "").await
}

#[tokio::test]
async fn a_rejection_is_a_problem_with_its_status() {
    let system = System::builder().isolated().provide(Doorkeeper::default());
    let system = system.start().await.unwrap();
    system.attach(Garden::default()).await.unwrap();
    let address = open(&system, named(&system)).await;
    let answer = request(&address, "GET /plants", &[], "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["detail"], "say who you are");
    let answer = ask(&address, "noisy").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "2"));
    assert_eq!(answer.json()["title"], "Too Many Requests");
    let answer = ask(&address, "late").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["detail"], "we are closed");
    let answer = ask(&address, "ann").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "3"));
    system.shutdown().await;
}

#[tokio::test]
async fn the_idempotency_key_of_a_rejected_command_may_be_used_again() {
    let system = System::builder().isolated().provide(Doorkeeper::default());
    let system = system.start().await.unwrap();
    system.attach(Garden::default()).await.unwrap();
    let address = open(&system, named(&system)).await;
    let sow = async |name: &str| {
        let headers = [("idempotency-key", "\"k\""), ("x-user", name), JSON];
        let answer = request(&address, "POST /plants", &headers, "null").await;
        (answer.status, answer.body)
    };
    assert_eq!(sow("shy").await.0, 409);
    let first = (201, "1".to_owned());
    assert_eq!(sow("shy").await, first);
    assert_eq!(sow("shy").await, first);
    system.shutdown().await;
}
