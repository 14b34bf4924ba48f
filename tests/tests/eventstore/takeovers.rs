//! Processes that run the same program with the same file, and are stopped at random moments: in order, by
//! `kill -9`, or by SIGSTOP until another process has taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nether::eventstore::{EventStore, Position, Store, StoreError};
use nether::prelude::*;
use nether_sqlite::{Durability, SqliteStore};
use nether_tests::Folder;
use tokio::time::sleep;

/// How many times a process is stopped.
const STOPS: u32 = 200;

/// How long a process may be silent before another takes over.
const LEASE_TIME: Duration = Duration::from_millis(300);

/// The event that starts the saga of `fulfilling`.
#[event(name = "fulfilling.ordered")]
pub struct ToFulfil {
    pub order: u32,
}

/// A process of the program.
struct Process {
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Process {
    fn signal(&self, signal: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }

    fn stop(mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success(), "it stops in order");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// All processes, their file, and their effects outside of it.
struct Shop {
    folder: Folder,
    store: Store,
    sqlite: SqliteStore,
    running: Vec<Process>,
    random: fastrand::Rng,
    orders: u32,
}

/// The leases of the program.
const LEASES: [&str; 2] = ["fulfilment", "sales"];

impl Shop {
    fn new(seed: u64) -> Self {
        let folder = Folder::new("takeovers");
        let options = SqliteStore::options().durability(Durability::Normal);
        let sqlite = options.shared(true).open(folder.file()).unwrap();
        Shop {
            store: Store::new(sqlite.clone()),
            sqlite,
            folder,
            running: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            orders: 0,
        }
    }

    fn shipped(&self) -> PathBuf {
        self.folder.0.join("shipped")
    }

    /// Where the processes log.
    fn log(&self) -> File {
        let file = File::options()
            .append(true)
            .create(true)
            .open(self.folder.0.join("log"));
        file.unwrap()
    }

    fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fulfilling"))
            .arg(self.folder.file())
            .arg(self.shipped())
            .arg(LEASE_TIME.as_millis().to_string())
            .stdout(Stdio::piped())
            .stderr(self.log())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "runs\n");
        self.running.push(Process { child, _out: out });
    }

    async fn order(&mut self) {
        self.try_order().await.unwrap();
    }

    async fn try_order(&mut self) -> Result<(), StoreError> {
        for _ in 0..self.random.u32(1..5) {
            let (stream, order) = (format!("order/{}", self.orders), self.orders);
            let ordered = [ToFulfil { order }];
            self.store.append_events(stream, ordered).await?;
            self.orders += 1;
        }
        Ok(())
    }

    /// The epochs of the leases, and the processes that hold them.
    async fn leases(&self) -> Vec<(u64, Option<u32>)> {
        let mut leases = Vec::new();
        for name in LEASES {
            let lease = self.sqlite.document("lease", name).await.unwrap();
            let Some(lease) = lease else { continue };
            let lease: serde_json::Value = serde_json::from_slice(&lease).unwrap();
            let holder = lease["holder"]["name"].as_str();
            let process = holder.and_then(|name| name.split(' ').nth(1)?.parse().ok());
            leases.push((lease["epoch"].as_u64().unwrap(), process));
        }
        leases
    }

    /// Suspends a process until others have taken over its leases, or cannot because it is in a transaction.
    async fn suspend(&mut self, which: usize) {
        if self.running.len() < 2 {
            self.start();
        }
        let process = self.running[which].child.id();
        self.running[which].signal("-STOP");
        loop {
            match self.try_order().await {
                Err(StoreError::Locked { .. }) => break,
                ordered => ordered.unwrap(),
            }
            let leases = self.leases().await;
            let is_over = leases.iter().all(|(_, holder)| *holder != Some(process));
            if is_over && leases.len() == LEASES.len() {
                break;
            }
            sleep(LEASE_TIME / 10).await;
        }
        self.running[which].signal("-CONT");
    }

    /// Waits until all orders are fulfilled.
    async fn settle(&self) {
        let orders = u64::from(self.orders);
        let is_settled = async || {
            let head = self.sqlite.head().await.unwrap();
            if head.0 < orders * 2 {
                return false;
            }
            for name in LEASES {
                let saved = self.sqlite.document("checkpoint", name).await.unwrap();
                if saved.is_none_or(|saved| saved != head.0.to_string().as_bytes()) {
                    return false;
                }
            }
            let sagas = self.sqlite.documents("saga/fulfilment").await.unwrap();
            sagas.is_empty()
        };
        while !is_settled().await {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The ids of the commands by which each order was shipped.
    fn shipments(&self) -> BTreeMap<u32, Vec<String>> {
        let mut shipments = BTreeMap::<u32, Vec<String>>::new();
        let lines = std::fs::read_to_string(self.shipped()).unwrap();
        for line in lines.lines() {
            let mut words = line.split(' ').skip(1);
            let [order, id] = [(); 2].map(|()| words.next().unwrap());
            let ids = shipments.entry(order.parse().unwrap()).or_default();
            ids.push(id.to_owned());
        }
        shipments
    }

    /// Checks that each effect in the store has happened once, and each effect outside of it by one command
    /// id.
    async fn check(self) -> BTreeMap<u32, Vec<String>> {
        for process in self.running {
            process.stop();
        }
        let shop = Shop {
            running: Vec::new(),
            ..self
        };
        let events = shop.sqlite.read_all(Position::START, usize::MAX);
        let mut charged = BTreeSet::new();
        for event in events.await.unwrap() {
            let body: serde_json::Value = serde_json::from_slice(&event.payload.bytes).unwrap();
            if &*event.name == "fulfilling.charged" {
                let order = body["order"].as_u64().unwrap();
                assert!(charged.insert(order), "{order} is charged once");
            }
        }
        assert_eq!(charged.len(), shop.orders as usize);
        let sold = shop.sqlite.transaction(|transaction| {
            let sql = "SELECT count(*), min(times), max(times) FROM sales";
            let row =
                |row: &rusqlite::Row<'_>| Ok([row.get::<_, u32>(0)?, row.get(1)?, row.get(2)?]);
            Ok(transaction.query_row(sql, [], row)?)
        });
        let all = [shop.orders * 2, 1, 1];
        assert_eq!(sold.await.unwrap(), all, "as a rebuild would count them");
        let shipments = shop.shipments();
        let shipped: Vec<u32> = shipments.keys().copied().collect();
        assert_eq!(
            shipped,
            Vec::from_iter(0..shop.orders),
            "nothing is left out"
        );
        for (order, ids) in &shipments {
            let is_same = ids.iter().all(|id| *id == ids[0]);
            assert!(is_same, "{order} is shipped by one command: {ids:?}");
        }
        shipments
    }
}

#[tokio::test]
async fn a_write_while_another_process_is_suspended_in_a_transaction_returns_locked() {
    let folder = Folder::new("asleep");
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(100));
    let store = Store::new(options.shared(true).open(folder.file()).unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_appending"))
        .arg("sleeping")
        .arg(folder.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let process = Process { child, _out: out };
    process.signal("-STOP");
    let ordered = async || {
        store
            .append_events("order/1", [ToFulfil { order: 1 }])
            .await
    };
    let error = ordered().await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    process.kill();
    ordered().await.unwrap();
}

#[tokio::test]
async fn after_orderly_stops_of_two_processes_each_effect_has_happened_once() {
    let mut shop = Shop::new(1);
    for _ in 0..STOPS / 4 {
        while shop.running.len() < 2 {
            shop.start();
        }
        shop.order().await;
        let which = shop.random.usize(0..2);
        shop.running.swap_remove(which).stop();
        shop.order().await;
    }
    shop.settle().await;
    let shipments = shop.check().await;
    assert!(
        shipments.values().all(|ids| ids.len() == 1),
        "{shipments:?}"
    );
}

#[tokio::test]
async fn after_stops_of_all_kinds_each_effect_in_the_store_has_happened_once() {
    let mut shop = Shop::new(2);
    for _ in 0..STOPS {
        let wanted = shop.random.usize(1..=2);
        while shop.running.len() < wanted {
            shop.start();
        }
        shop.order().await;
        sleep(Duration::from_micros(shop.random.u64(0..20_000))).await;
        let which = shop.random.usize(0..shop.running.len());
        match shop.random.u32(0..8) {
            0..3 => shop.running.swap_remove(which).stop(),
            3..6 => shop.running.swap_remove(which).kill(),
            _ => shop.suspend(which).await,
        }
    }
    shop.start();
    shop.settle().await;
    shop.check().await;
}
