//! [`Appender`]: a process under test.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of the journals of a run, removed at its end.
pub struct Journals(PathBuf);

impl Journals {
    pub fn new() -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let name = format!("nether-journals-{}-{run}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("it can be made");
        Journals(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Journals {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How the projection of a process writes.
#[derive(Debug, Clone, Copy)]
pub enum Rows {
    Within,
    Beside,
}

/// A process that appends numbers, killed when this is dropped.
pub struct Appender {
    process: Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Appender {
    /// Starts it, and waits until it is ready. `hold` says where its projection is held.
    pub fn start(
        journals: &Journals,
        name: &str,
        address: &str,
        rows: Rows,
        hold: Option<&str>,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_appender"));
        command.arg(address).arg(name).arg(journals.0.join(name));
        command.arg(match rows {
            Rows::Within => "within",
            Rows::Beside => "beside",
        });
        if let Some(hold) = hold {
            command.env("HOLD", hold);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it was built");
        let output = process.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut appender = Appender {
            orders: process.stdin.take(),
            process,
            lines,
            seen: Vec::new(),
        };
        appender.until("ready");
        appender
    }

    /// Waits until it has reported that line, and returns how long that took.
    pub fn until(&mut self, line: &str) -> Duration {
        let since = Instant::now();
        while !self.seen.iter().any(|seen| seen == line) {
            let left = PATIENCE.saturating_sub(since.elapsed());
            let next = self.lines.recv_timeout(left);
            let next = next.unwrap_or_else(|error| {
                panic!("it reports `{line}`: {error}, after {:?}", self.seen)
            });
            self.seen.push(next);
        }
        since.elapsed()
    }

    /// Has it append so many numbers, from `first` on; that it has done so it reports as `added`.
    pub fn add(&mut self, first: u64, count: u64) {
        self.order(&format!("add {first} {count}"));
    }

    /// Lets the handler go on that is held.
    pub fn go(&mut self) {
        self.order("go");
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it was not stopped");
        writeln!(orders, "{order}").expect("it reads them");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(id)
            .status();
        assert!(sent.expect("there is a `kill`").success());
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// Stops it in order.
    pub fn stop(mut self) {
        drop(self.orders.take());
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
