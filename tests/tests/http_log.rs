//! What goes wrong in a request is in the log, under the id that its client gets.

use std::io;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::Lines;
use nether_tests::http::{JSON, connect, head_and_body, open, request};
use serde::Serialize;
use tokio::time::Instant;

#[command(reply = Moody, http = "POST /moods")]
pub struct Try {
    pub mood: u8,
}

/// Cannot always be written.
#[derive(Debug)]
pub struct Moody(u8);

impl Serialize for Moody {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => panic!("not today"),
            mood => Err(serde::ser::Error::custom(format_args!(
                "not in mood {mood}"
            ))),
        }
    }
}

#[derive(Debug, Default)]
pub struct Mind;

#[module(handles = Try)]
impl Mind {
    async fn attempt(&self, attempt: Try) -> nether::Result<Moody> {
        match attempt.mood {
            9 => Err(nether::Error::msg("never again")),
            8 => Err(nether::Error::msg("never\nERROR admin: \u{1b}[31mforged")),
            7 => std::future::pending().await,
            mood => Ok(Moody(mood)),
        }
    }
}

#[tokio::test]
async fn no_text_begins_a_line_of_its_own_or_reaches_a_terminal() {
    let (lines, _guard) = Lines::of_this_thread();
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, Server::new(&system)).await;
    let answer = request(&at, "POST /moods", &[JSON], r#"{"mood":8}"#).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    let log = lines.take();
    assert!(
        log.contains(r"never\nERROR admin: \u{1b}[31mforged"),
        "{log}"
    );
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(
        !log.lines().any(|line| line.starts_with("ERROR admin")),
        "{log}"
    );
}

#[tokio::test]
async fn what_a_client_does_not_wait_for_is_no_error_of_the_server() {
    let (lines, _guard) = Lines::of_this_thread();
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, Server::new(&system)).await;
    for _ in 0..20 {
        let headers = [JSON, ("prefer", "wait=0")];
        let answer = request(&at, "POST /moods", &headers, r#"{"mood":7}"#).await;
        assert_eq!(answer.status, 504, "{answer:?}");
    }
    let log = lines.take();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

#[tokio::test]
async fn a_flood_of_refused_requests_is_a_line_a_second() {
    let (lines, _guard) = Lines::of_this_thread();
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, Server::new(&system).max_requests(1)).await;
    let mut held = connect(&at).await;
    let headers = [JSON, ("content-length", "12"), ("expect", "100-continue")];
    held.write(head_and_body("POST /moods", &headers, "")).await;
    held.until("100 Continue").await;
    let begun = Instant::now();
    for _ in 0..300 {
        let answer = request(&at, "POST /moods", &[JSON], r#"{"mood":9}"#).await;
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    let log = lines.take();
    let told = log
        .lines()
        .filter(|line| line.contains("requests are refused"))
        .count();
    let seconds = begun.elapsed().as_secs() as usize + 1;
    assert!(
        (1..=seconds + 1).contains(&told),
        "{told} lines in {seconds} s: {log}"
    );
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn what_a_client_is_not_shown_is_in_the_log_once_under_the_id_that_it_is() {
    let panics = Lines::default();
    let (lines, _guard) = Lines::of_this_thread();
    let told = panics.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        let _ = io::Write::write(&mut told.clone(), format!("{text}\n").as_bytes());
    }));
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, Server::new(&system)).await;
    for (mood, said, panic) in [
        (9, "never again", ""),
        (1, "not in mood 1", ""),
        (0, "not today", "not today\n"),
    ] {
        for key in ["", said] {
            let mut headers = vec![JSON];
            let key = key.replace(' ', "-");
            if !key.is_empty() {
                headers.push(("idempotency-key", &key));
            }
            let body = format!("{{\"mood\":{mood}}}");
            let answer = request(&at, "POST /moods", &headers, &body).await;
            assert_eq!(answer.status, 500, "{answer:?}");
            assert!(!answer.body.contains(said), "{answer:?}");
            let id = answer.header("x-request-id").to_owned();
            let log = lines.take();
            let line = log.lines().filter(|line| line.contains(&id));
            let line = line.filter(|line| line.contains(said));
            assert_eq!(line.count(), 1, "{id}, {said:?}: {log}");
            assert_eq!(panics.take(), panic, "{key:?}");
        }
    }
}
