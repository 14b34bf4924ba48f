//! A program that tests suspend in the middle of what it does:
//! `suspended <appends|transaction|projects> <address>`.

#[path = "../../tests/on_postgres_faults/ledger.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod ledger;
#[path = "../../tests/on_postgres_faults/support.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use nether::Transaction;
use nether::eventstore::{EventStore, Store};
use nether::prelude::*;
use nether_postgres::PostgresStore;

use crate::ledger::Ledger;
use crate::support::{any, hasty, persistently};

fn say(what: &str) {
    println!("\n{what}");
}

async fn is_told() {
    let read = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    read.await.unwrap();
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(role), Some(address)) = (arguments.next(), arguments.next()) else {
        panic!("usage: suspended <appends|transaction|projects> <address>");
    };
    let store = hasty(&address).await;
    match &*role {
        "appends" => {
            say("ready");
            for n in 0.. {
                let all = vec![any("p/1", &format!("p{n}")), any("p/2", &format!("p{n}"))];
                persistently(async || store.append_all(all.clone()).await).await;
                if n == 20 {
                    say("appending");
                }
            }
        }
        "transaction" => {
            let transaction = store.begin().await.unwrap();
            let sql = "INSERT INTO ledger VALUES (1)";
            transaction
                .batch_execute("LOCK TABLE ledger")
                .await
                .unwrap();
            transaction.execute(sql, &[]).await.unwrap();
            transaction.append(any("p/1", "never")).unwrap();
            say("begun");
            is_told().await;
            say(match transaction.commit().await {
                Ok(()) => "committed",
                Err(_) => "refused",
            });
            is_told().await;
        }
        "projects" => {
            let (_system, store) = started(store).await;
            store
                .projection::<Ledger>()
                .unwrap()
                .caught_up()
                .await
                .unwrap();
            say("leads");
            is_told().await;
        }
        other => panic!("{other}"),
    }
}

async fn started(store: PostgresStore) -> (System, Store) {
    let store = Store::new(store).lease_time(Duration::from_secs(1));
    ledger::started_on(store, Arc::new(|_| None)).await
}
