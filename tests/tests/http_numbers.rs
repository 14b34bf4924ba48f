//! Numbers in requests and replies: integers however they are written, nothing that is not finite, and as
//! many of them as there is room for.

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{check_refused, get, open, post, text};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scale {
    pub factor: f32,
}

#[command(reply = String, http = "POST /scaled")]
pub struct Scaled {
    #[serde(flatten)]
    pub scale: Scale,
}

#[command(reply = String, http = "POST /numbers/{whole}")]
pub struct Numbers {
    pub whole: i64,
    pub counts: Vec<u8>,
    #[serde(default)]
    pub single: f32,
    #[serde(default)]
    pub large: Option<i128>,
}

#[query(reply = String, http = "GET /pairs")]
pub struct Pairs {
    pub pair: Option<(u8, u8)>,
    pub ratio: Option<f32>,
    pub digit: Option<u8>,
}

/// A reply that may be no number.
#[query(reply = Vec<Option<f64>>, http = "GET /roots/{of}")]
pub struct Roots {
    pub of: f64,
}

#[derive(Debug, Default)]
pub struct Reader;

#[module(handles = [Scaled, Numbers, Pairs, Roots])]
impl Reader {
    async fn scaled(&self, scaled: Scaled) -> String {
        format!("{:?}", scaled.scale)
    }

    async fn numbers(&self, it: Numbers) -> String {
        format!("{} {:?} {} {:?}", it.whole, it.counts, it.single, it.large)
    }

    async fn pairs(&self, it: Pairs) -> String {
        format!("{:?} {:?} {:?}", it.pair, it.ratio, it.digit)
    }

    async fn roots(&self, roots: Roots) -> Vec<Option<f64>> {
        vec![None, Some(roots.of.sqrt())]
    }
}

async fn desk() -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, Server::new(&system)).await;
    (system, at)
}

#[tokio::test]
async fn an_integer_may_be_written_with_a_fraction_of_nothing() {
    let (_system, at) = desk().await;
    let body = r#"{"counts":[1.0,2e0],"large":1.5e20}"#;
    let read = text(&post(&at, "/numbers/4216.0", body).await);
    assert_eq!(read, "4216 [1, 2] 0 Some(150000000000000000000)");
    assert_eq!(
        text(&get(&at, "/pairs?digit=7.0").await),
        "None None Some(7)"
    );
    for (path, body, said, field) in [
        (
            "/numbers/1.5",
            r#"{"counts":[]}"#,
            "`whole`: invalid value: \"1.5\"",
            "whole",
        ),
        (
            "/numbers/1",
            r#"{"counts":[1.5]}"#,
            "`counts[0]`: invalid type: floating point `1.5`",
            "counts[0]",
        ),
        (
            "/numbers/1",
            r#"{"counts":[256.0]}"#,
            "`counts[0]`: invalid type: floating point `256.0`",
            "counts[0]",
        ),
    ] {
        check_refused(&post(&at, path, body).await, said, field);
    }
}

#[tokio::test]
async fn no_request_and_no_reply_has_a_number_that_is_not_finite() {
    let (_system, at) = desk().await;
    for single in ["1e39", "-1e39", "400000000000000000000000000000000000000"] {
        let body = format!("{{\"counts\":[],\"single\":{single}}}");
        let answer = post(&at, "/numbers/1", &body).await;
        check_refused(&answer, "`single`: number out of range", "single");
    }
    // What serde buffers is made an `f32` at last.
    let answer = post(&at, "/scaled", r#"{"factor":1e39}"#).await;
    check_refused(
        &answer,
        "`factor`: invalid value: not a finite number",
        "factor",
    );
    let body = r#"{"counts":[],"single":3e38}"#;
    assert!(text(&post(&at, "/numbers/1", body).await).starts_with("1 [] 3"));
    for ratio in ["1e300", "1e39", "inf", "NaN"] {
        let answer = get(&at, &format!("/pairs?ratio={ratio}")).await;
        check_refused(&answer, "not a finite number", "ratio");
    }
    assert_eq!(get(&at, "/roots/4").await.body, "[null,2.0]");
    let answer = get(&at, "/roots/-4").await;
    assert_eq!((answer.status, answer.json().get("detail")), (500, None));
}

#[tokio::test]
async fn a_tuple_takes_as_many_values_as_it_has() {
    let (_system, at) = desk().await;
    assert_eq!(
        text(&get(&at, "/pairs?pair=1&pair=2").await),
        "Some((1, 2)) None None"
    );
    let answer = get(&at, "/pairs?pair=1&pair=2&pair=3").await;
    check_refused(&answer, "`pair`: given 3 times, but it is 2 values", "pair");
    check_refused(&get(&at, "/pairs?pair=1").await, "invalid length 1", "pair");
}
