//! Several processes, and those that are killed: here each is a runtime, which is dropped as a whole.

use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{CommandId, Store};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use tokio::runtime::{Builder, Runtime};

use crate::school::{Campus, EnrolError, Enrolled, Enrolment, School, built, enrol, started};

const LEASE_TIME: Duration = Duration::from_millis(200);

/// The store in a folder, as one of several processes opens it.
pub fn shared(folder: &Folder) -> Store {
    let options = SqliteStore::options().shared(true);
    let sqlite = options.open(folder.file()).unwrap();
    Store::new(sqlite).lease_time(LEASE_TIME)
}

fn process() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn what_is_accepted_is_answered_after_a_crash() {
    let store = Store::memory().lease_time(LEASE_TIME);
    let campus = Campus::new();
    let (killed, next) = (process(), process());
    killed.block_on(async {
        let system = started(&campus, &store).await;
        let ctx = system.context().with(CommandId::new(1));
        let call = async { drop(ctx.send(enrol("a", 1, School::GATED)).await) };
        let killed = campus.until("waits");
        futures_util::future::select(Box::pin(call), Box::pin(killed)).await;
        std::mem::forget(system);
    });
    killed.shutdown_timeout(Duration::from_secs(10));
    next.block_on(async {
        campus.gate.notify_one();
        let system = started(&campus, &store).await;
        let ctx = system.context().with(CommandId::new(1));
        let answer = ctx.send(enrol("a", 1, School::GATED)).await;
        assert_eq!(answer.unwrap(), Enrolled { place: 17 });
        system.shutdown().await;
    });
}

#[test]
fn a_caller_in_a_process_that_stands_by_gets_the_answer() {
    let folder = Folder::new("saga_answers");
    let (leading, waiting) = (process(), process());
    let campus = Campus::new();
    let open = async |campus: &Arc<Campus>| {
        let store = shared(&folder);
        let system = built(campus, &store).start().await.unwrap();
        (store, system)
    };
    let (first, system) = leading.block_on(open(&campus));
    leading.block_on(async {
        // It runs the sagas.
        let ctx = system.context();
        let own = ctx.send(enrol("own", 1, 2)).await;
        assert_eq!(own.unwrap(), Enrolled { place: 12 });
        assert!(first.saga::<Enrolment>().unwrap().active().is_empty());
    });
    waiting.block_on(async {
        let (store, other) = open(&campus).await;
        let ctx = other.context();
        let answer = ctx.send(enrol("a", 1, 3)).await;
        assert_eq!(answer.unwrap(), Enrolled { place: 13 });
        let full = ctx.send(enrol("b", School::FULL, 3)).await;
        let error = full.unwrap_err().into_handler_error().unwrap();
        assert_eq!(error, EnrolError::Full);
        // Its own runner has sent nothing: it does not run.
        let ordered = store.saga::<Enrolment>().unwrap().end("a").await;
        assert!(ordered.unwrap_err().is::<nether::eventstore::NotRunning>());
        other.shutdown().await;
    });
    leading.block_on(async { system.shutdown().await });
}
