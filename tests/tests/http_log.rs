//! What goes wrong in a request is in the log, under the id that its client is told.

use std::io;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::Lines;
use nether_tests::http::{JSON, open, request};
use serde::Serialize;

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
            mood => Ok(Moody(mood)),
        }
    }
}

#[tokio::test]
async fn what_a_client_is_not_told_is_in_the_log_once_under_the_id_that_it_is() {
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
