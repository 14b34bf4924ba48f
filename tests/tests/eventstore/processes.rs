//! Processes that write a store: killed again and again, and two at the same time. Each event is known by its
//! id.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nether::eventstore::{EventStore, Position, RecordedEvent};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;

/// Where an event was acknowledged to be, by its id.
type Acknowledged = HashMap<String, (String, u64)>;

fn appending(mode: &str, file: &Path, rest: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_appending"))
        .arg(mode)
        .arg(file)
        .args(rest)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets it append until it has said so many lines, and kills it: all that it has said.
fn killed_after(mut child: Child, lines: usize) -> String {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..lines {
        let length = out.read_line(&mut text).unwrap();
        assert!(length > 0, "it appends until it is killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut text).unwrap();
    // What comes after was cut off.
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    text
}

/// What it says was appended. No event is acknowledged twice.
fn note(text: &str, acknowledged: &mut Acknowledged) {
    for line in text.lines() {
        let mut words = line.split(' ');
        if words.next() != Some("appended") {
            continue;
        }
        let [stream, version, id] = [(); 3].map(|()| words.next().unwrap().to_owned());
        let version = version.parse().unwrap();
        let other = acknowledged.insert(id, (stream, version));
        assert_eq!(other, None, "{line}");
    }
}

/// All that was acknowledged is there, each event once: positions and versions have no gaps.
async fn check(store: &SqliteStore, acknowledged: &Acknowledged) -> Vec<RecordedEvent> {
    let all = store.read_all(Position::START, usize::MAX).await.unwrap();
    let mut versions: HashMap<&str, u64> = HashMap::new();
    let mut ids = HashSet::new();
    let mut missing = acknowledged.len();
    for (event, position) in all.iter().zip(1..) {
        assert_eq!(event.position, Position(position));
        let version = versions.entry(event.stream.as_str()).or_default();
        *version += 1;
        assert_eq!(event.stream_version, *version, "{}", event.stream);
        assert!(ids.insert(event.id), "{} is there twice", event.id);
        if let Some((stream, version)) = acknowledged.get(&event.id.to_string()) {
            let told = (stream.as_str(), *version);
            assert_eq!((event.stream.as_str(), event.stream_version), told);
            missing -= 1;
        }
    }
    assert_eq!(missing, 0, "what was acknowledged is there");
    assert_eq!(store.head().await.unwrap(), Position(all.len() as u64));
    all
}

#[tokio::test]
async fn each_event_that_was_acknowledged_survives_a_hundred_kills() {
    let folder = Folder::new("kills");
    let mut random = fastrand::Rng::with_seed(1);
    let mut acknowledged = Acknowledged::new();
    for round in 1..=100 {
        let child = appending("exclusive", &folder.file(), &[]);
        let text = killed_after(child, random.usize(1..150));
        note(&text, &mut acknowledged);
        if round % 10 == 0 {
            let store = SqliteStore::open(folder.file()).unwrap();
            check(&store, &acknowledged).await;
        }
    }
}

/// How many events each of two processes appends.
const EACH: usize = 200;

#[tokio::test]
async fn two_processes_append_to_one_stream_and_see_each_event_once() {
    let folder = Folder::new("two");
    let (own, all) = (EACH.to_string(), (EACH * 2).to_string());
    let both = [(); 2].map(|()| appending("shared", &folder.file(), &[&own, &all]));
    let ended = both.map(|child| std::thread::spawn(|| child.wait_with_output().unwrap()));
    let said = ended.map(|ended| {
        let output = ended.join().unwrap();
        assert!(output.status.success(), "it appends and sees all");
        String::from_utf8(output.stdout).unwrap()
    });
    let mut acknowledged = Acknowledged::new();
    for text in &said {
        note(text, &mut acknowledged);
    }
    assert_eq!(acknowledged.len(), EACH * 2);
    let store = SqliteStore::open(folder.file()).unwrap();
    let events = check(&store, &acknowledged).await;
    assert_eq!(events.len(), EACH * 2, "and nothing else");
    let events = events.iter();
    let in_order = events.map(|event| format!("seen {} {}", event.position, event.id));
    let in_order: Vec<String> = in_order.collect();
    for text in &said {
        let seen = text.lines().filter(|line| line.starts_with("seen "));
        assert!(seen.eq(&in_order), "each event once, in order");
    }
}
