//! Clients of a stream of events: how long until each of them has an event, and what one of them costs.

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::Extent;
use crate::servers::Process;

/// How soon the last client is to have an event.
const SOON: Duration = Duration::from_secs(1);

/// What a client is to cost, in KiB.
const KIB: f64 = 20.0;

pub fn measure(extent: &Extent) -> Result<(), String> {
    let server = Process::start("nether")?;
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let before = server.resident()?;
    let clients = extent.clients;
    let mut listening = Command::new(this)
        .args([
            "listen",
            &server.address,
            &clients.to_string(),
            &extent.events.to_string(),
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut lines = listening
        .stdout
        .take()
        .map(std::io::BufReader::new)
        .expect("it is piped");
    let mut line = || {
        let mut line = String::new();
        let read = std::io::BufRead::read_line(&mut lines, &mut line);
        read.map(|_| line.trim().to_owned())
            .map_err(|error| error.to_string())
    };
    if line()? != "open" {
        return Err(format!("{clients} clients could not connect"));
    }
    let each = (server.resident()? - before) / clients as f64;
    println!("{clients} clients of a stream of events");
    let holds = if each < KIB { "holds" } else { "does not hold" };
    println!("  memory of the server a client: {each:.1} KiB, target {KIB:.0}: {holds}");
    drop(listening.stdin.take()); // Go on.
    for event in 1..=extent.events {
        let millis: u64 = line()?
            .parse()
            .map_err(|_| "not every client got every event")?;
        let holds = if u128::from(millis) < SOON.as_millis() {
            "holds"
        } else {
            "does not hold"
        };
        println!("  event {event}: the last one had it after {millis} ms, target 1000: {holds}");
    }
    let ended = listening.wait().map_err(|error| error.to_string())?;
    if ended.success() {
        Ok(())
    } else {
        Err("the clients fell".to_owned())
    }
}

/// The clients. Says `open` once all are, waits for the end of its input, then publishes events and says how
/// long each took to reach the last of them, in milliseconds.
pub fn listen(address: &str, clients: &str, events: &str) -> ExitCode {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let (Ok(clients), Ok(events)) = (clients.parse(), events.parse()) else {
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .expect("a runtime")
        .block_on(run(address.to_owned(), clients, events));
    ExitCode::SUCCESS
}

async fn run(address: String, clients: usize, events: usize) {
    let barrier = Arc::new(Barrier::new(clients + 1));
    for _ in 0..clients {
        let mut stream = TcpStream::connect(&address)
            .await
            .expect("the server has room");
        let asked = b"GET /ticks HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(asked).await.expect("it is open");
        // The first block of the stream, which no line of the head looks like.
        until(&mut stream, "\n\n").await;
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            for number in 1..=events {
                until(&mut stream, &format!("{{\"number\":{number}}}\n\n")).await;
                barrier.wait().await;
            }
        });
    }
    println!("open");
    let mut rest = String::new();
    let _ = std::io::stdin().read_line(&mut rest);
    for number in 1..=events {
        let begun = Instant::now();
        tick(&address, number).await;
        barrier.wait().await;
        println!("{}", begun.elapsed().as_millis());
    }
}

async fn tick(address: &str, number: usize) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server has room");
    let asked =
        format!("POST /ticks/{number} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream
        .write_all(asked.as_bytes())
        .await
        .expect("it is open");
    until(&mut stream, "204 No Content").await;
}

/// Reads until the text has come, and no further.
async fn until(stream: &mut TcpStream, text: &str) {
    let mut come = Vec::with_capacity(512);
    while !come
        .windows(text.len())
        .any(|window| window == text.as_bytes())
    {
        let read = stream.read_buf(&mut come).await.expect("it is open");
        assert!(read > 0, "the stream ended");
    }
}
