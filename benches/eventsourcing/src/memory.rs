//! How much memory aggregates take that are no longer in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Builder;

use crate::counter::aggregate::Add;
use crate::folder::Folder;
use crate::scenario::Synchronous;
use crate::stores::on_sqlite;
use crate::turn::started;

/// Sends one command to each of so many aggregates. Returns the memory of this process in MiB after each
/// tenth of them.
pub fn after_each_tenth(aggregates: u64) -> Vec<f64> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = Folder::new("memory");
    runtime.block_on(async {
        let system = started(on_sqlite(
            &folder.file("events.db"),
            Synchronous::Normal,
            false,
        ))
        .await;
        let touched = Arc::new(AtomicU64::new(0));
        let mut after = Vec::new();
        for part in 1..=10 {
            let touching = (0..64).map(|_| {
                let (system, touched) = (system.clone(), Arc::clone(&touched));
                tokio::spawn(async move {
                    loop {
                        let counter = touched.fetch_add(1, Ordering::Relaxed);
                        if counter >= aggregates / 10 * part {
                            return;
                        }
                        let ctx = system.context();
                        ctx.send(Add { counter }).await.expect("it is stored");
                        ctx.close().await.expect("nothing failed");
                    }
                })
            });
            for touching in touching.collect::<Vec<_>>() {
                touching.await.expect("no panic");
            }
            after.push(resident());
        }
        system.shutdown().await;
        after
    })
}

/// The memory of this process, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1024.0 / 1024.0
}
