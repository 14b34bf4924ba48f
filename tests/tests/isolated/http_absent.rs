//! Endpoints whose module is not in this process: they are neither served nor described, until it comes.

use nether::http::{Server, ServerStarted};
use nether::prelude::*;
use nether_tests::http::{JSON, get, open, post, request};

#[query(reply = u32, http = "GET /lamps/{lamp}")]
pub struct Look {
    pub lamp: u32,
}

#[command(http = "PUT /lamps/{lamp}")]
pub struct Switch {
    pub lamp: u32,
}

/// No module of this program handles it.
#[command(http = "POST /lamps")]
pub struct Buy;

#[derive(Default)]
pub struct Eyes;

#[module(handles = Look, manual)]
impl Eyes {
    async fn look(&self, look: Look) -> u32 {
        look.lamp
    }
}

#[derive(Default)]
pub struct Hand;

#[module(handles = Switch, manual)]
impl Hand {
    async fn switch(&mut self, _: Switch) {}
}

async fn methods(at: &str) -> Vec<String> {
    let description = get(at, "/openapi.json").await.json();
    let lamps = &description["paths"]["/lamps/{lamp}"];
    let methods = lamps.as_object().into_iter().flat_map(|it| it.keys());
    assert!(description["paths"]["/lamps"].is_null());
    methods.cloned().collect()
}

async fn put(at: &str) -> (u16, String) {
    let answer = request(at, "PUT /lamps/7", &[JSON], "{}").await;
    (answer.status, answer.header("allow").to_owned())
}

#[tokio::test]
async fn endpoints_come_and_go_with_their_modules() {
    let builder = System::builder().isolated();
    let system = builder.start().await.expect("the program is sound");
    let mut started = system.subscribe::<ServerStarted>();
    let server = Server::new(&system).public_docs().management("127.0.0.1:0");
    let at = open(&system, server).await;
    let management = started.next().await.expect("it runs").address.clone();
    for _ in 0..3 {
        assert_eq!(get(&at, "/lamps/7").await.status, 404);
        assert_eq!(put(&at).await.0, 404);
        assert_eq!(post(&at, "/lamps", "").await.status, 404);
        assert!(methods(&at).await.is_empty());
        let eyes = system.attach(Eyes).await.expect("it has its place");
        assert_eq!(get(&at, "/lamps/7").await.body, "7");
        assert_eq!(put(&at).await, (405, "GET,HEAD".to_owned()));
        assert_eq!(methods(&at).await, ["get"]);
        let hand = system.attach(Hand).await.expect("it has its place");
        assert_eq!(put(&at).await.0, 204);
        assert_eq!(methods(&at).await, ["get", "put"]);
        assert_eq!(methods(&management).await, ["get", "put"]);
        system.detach(eyes).await;
        assert_eq!(get(&at, "/lamps/7").await.status, 405);
        assert_eq!(methods(&at).await, ["put"]);
        system.detach(hand).await;
    }
}

#[tokio::test]
async fn a_program_starts_without_the_modules_of_its_endpoints() {
    // The command of this program that no module handles is in its registry.
    let error = System::verify().err().map(|error| error.to_string());
    let error = error.unwrap_or_default();
    assert!(!error.contains("Buy"), "{error}");
}
