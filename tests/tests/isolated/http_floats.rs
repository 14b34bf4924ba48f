//! A float that a client sends is read as itself, in a body, a path and a query, and comes back as itself.

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open, post};
use nether_tests::{bits, floats};

#[command(reply = Vec<f64>, http = "POST /echo")]
pub struct Echo {
    pub floats: Vec<f64>,
    pub single: f32,
}

#[query(reply = Vec<f64>, http = "GET /echo/{one}")]
pub struct EchoOne {
    pub one: f64,
    pub other: f64,
}

#[derive(Default)]
pub struct Wall;

#[module(handles = [Echo, EchoOne], manual)]
impl Wall {
    async fn echo(&self, echo: Echo) -> Vec<f64> {
        assert_eq!(echo.single.to_bits(), SINGLE.to_bits());
        echo.floats
    }

    async fn one(&self, echo: EchoOne) -> Vec<f64> {
        vec![echo.one, echo.other]
    }
}

/// The neighbours of this one are as near as they get.
const SINGLE: f32 = 8.589_973e9;

/// Reads them by the standard library, which rounds correctly.
fn read(body: &str) -> Vec<f64> {
    let list = body.trim_matches(['[', ']']).split(',');
    list.map(|float| float.parse().expect("a float")).collect()
}

#[tokio::test]
async fn floats_over_http_are_themselves() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Wall).await?;
    let at = open(&system, Server::new(&system)).await;
    let sent = floats(2_000);
    let body = format!("{{\"floats\":{sent:?},\"single\":{SINGLE:?}}}");
    let answer = post(&at, "/echo", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(bits(&read(&answer.body)), bits(&sent));
    for pair in sent[..100].chunks(2) {
        let path = format!("/echo/{:?}?other={:?}", pair[0], pair[1]);
        let answer = get(&at, &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(bits(&read(&answer.body)), bits(pair), "{path}");
    }
    Ok(())
}
