//! A program whose projection writes beside the transactions of the store is found out: neither its
//! checkpoint nor its lease guards what it writes.

use std::collections::BTreeSet;

use nether_postgres_tests::checker::{Rule, Run};

use crate::appender::{Appender, Journals, Rows};
use crate::evidence::{database, run, settle};

fn broken(run: &Run) -> BTreeSet<Rule> {
    run.check().iter().map(|violation| violation.rule).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_written_again_after_a_kill_is_found() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Beside).await);
    let address = database.address();
    let hold = Some("after 5");
    let mut one = Appender::start(&journals, "one", &address, Rows::Beside, hold);
    one.until("taken rows 1");
    one.add(1, 10);
    one.until("holding");
    one.until("added");
    one.kill();
    let two = Appender::start(&journals, "two", &address, Rows::Beside, None);
    settle(&client).await;
    let run = run(&client, &journals).await;
    assert!(broken(&run).contains(&Rule::OneEffect), "{:?}", run.check());
    two.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_a_paused_process_writes_late_is_found() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Beside).await);
    let address = database.address();
    let hold = Some("before 5");
    let mut one = Appender::start(&journals, "one", &address, Rows::Beside, hold);
    one.until("taken rows 1");
    one.add(1, 10);
    one.until("holding");
    one.until("added");
    one.signal("STOP");
    let mut two = Appender::start(&journals, "two", &address, Rows::Beside, None);
    two.until("taken rows 2");
    settle(&client).await;
    one.go();
    one.signal("CONT");
    // It stops in order: the row is written by then.
    one.until("lost rows 1");
    one.stop();
    let run = run(&client, &journals).await;
    assert!(broken(&run).contains(&Rule::Fence), "{:?}", run.check());
    assert!(broken(&run).contains(&Rule::OneEffect), "{:?}", run.check());
    two.stop();
}
