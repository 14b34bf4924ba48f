//! Another process takes over from one that is killed, paused or cut off.

use std::time::{Duration, Instant};

use nether_postgres_tests::Server;
use nether_postgres_tests::checker::{Outcome, Run};

use crate::appender::{Appender, Journals, Rows};
use crate::cut::Link;
use crate::evidence::{database, run, settle};

/// The lease time is 2 seconds. The rest is for machines that are busy with other tests.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// How many operations were acknowledged.
fn acknowledged(run: &Run) -> usize {
    let outcomes = run.operations.iter().map(|it| &it.outcome);
    outcomes.filter(|it| matches!(it, Outcome::Ok(_))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_the_work() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Within).await);
    let address = database.address();
    let names = ["one", "two", "three"];
    let mut all = names.map(|it| Appender::start(&journals, it, &address, Rows::Within, None));
    for (appender, first) in all.iter_mut().zip([1, 1001, 2001]) {
        appender.add(first, 60);
    }
    for appender in &mut all {
        appender.until("added");
    }
    settle(&client).await;
    let run = run(&client, &journals).await;
    run.assert_clean();
    assert_eq!(acknowledged(&run), 3 * (60 + 12), "nothing fails");
    let [one, two, three] = all;
    one.stop();
    two.stop();
    three.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_is_taken_over() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Within).await);
    let address = database.address();
    // It is killed in a transaction whose rows are written, and with operations under way.
    let hold = Some("after 25");
    let mut one = Appender::start(&journals, "one", &address, Rows::Within, hold);
    one.until("taken rows 1");
    one.until("taken notes 1");
    let mut two = Appender::start(&journals, "two", &address, Rows::Within, None);
    one.add(1, 100_000);
    two.add(200_001, 40);
    one.until("holding");
    one.kill();
    let taken = two.until("taken rows 2").max(two.until("taken notes 2"));
    println!("taken over {taken:?} after the kill");
    assert!(taken < TAKEN_WITHIN, "{taken:?}");
    two.until("added");
    settle(&client).await;
    let run = run(&client, &journals).await;
    run.assert_clean();
    assert!(run.parked.is_empty());
    let row = run.effects.iter().find(|effect| effect.number == 25);
    assert_eq!(
        row.map(|row| row.epoch),
        Some(2),
        "the first row was rolled back"
    );
    two.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_at_any_moment_leave_nothing_half_done() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Within).await);
    let address = database.address();
    for round in 0..6 {
        let name = format!("round {round}");
        let mut doomed = Appender::start(&journals, &name, &address, Rows::Within, None);
        doomed.until(&format!("taken rows {}", round + 1));
        doomed.until(&format!("taken notes {}", round + 1));
        doomed.add(1 + round * 10_000, 5_000);
        doomed.until(&format!("did {}", 10 * (round + 1)));
        doomed.kill();
    }
    let last = Appender::start(&journals, "last", &address, Rows::Within, None);
    settle(&client).await;
    let run = run(&client, &journals).await;
    run.assert_clean();
    assert!(run.parked.is_empty());
    assert!(acknowledged(&run) >= 210, "each round has done something");
    last.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_paused_writes_nothing_more() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Within).await);
    let address = database.address();
    let hold = Some("after 25");
    let mut one = Appender::start(&journals, "one", &address, Rows::Within, hold);
    one.until("taken rows 1");
    one.until("taken notes 1");
    let mut two = Appender::start(&journals, "two", &address, Rows::Within, None);
    one.add(1, 50);
    one.until("holding");
    one.signal("STOP");
    let paused = Instant::now();
    let taken = two.until("taken rows 2").max(two.until("taken notes 2"));
    println!("taken over {taken:?} after the pause");
    assert!(taken < TAKEN_WITHIN, "{taken:?}");
    two.add(200_001, 40);
    two.until("added");
    // The server ends the transaction of the paused process.
    settle(&client).await;
    println!("all was handled {:?} after the pause", paused.elapsed());
    one.go();
    one.signal("CONT");
    one.until("lost rows 1");
    one.until("lost notes 1");
    one.until("added");
    settle(&client).await;
    let run = run(&client, &journals).await;
    run.assert_clean();
    assert!(run.parked.is_empty());
    let late = run
        .effects
        .iter()
        .filter(|row| row.number >= 25 && row.process == "one");
    assert_eq!(late.count(), 0, "it has written nothing since");
    one.stop();
    two.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_cut_off_is_taken_over() {
    let (journals, (database, client)) = (Journals::new(), database(Rows::Within).await);
    let link = Link::to(Server::shared().port()).await;
    let (through, address) = (database.address_at(link.port()), database.address());
    let mut one = Appender::start(&journals, "one", &through, Rows::Within, None);
    one.until("taken rows 1");
    one.until("taken notes 1");
    let mut two = Appender::start(&journals, "two", &address, Rows::Within, None);
    one.add(1, 60);
    two.add(200_001, 40);
    link.freeze();
    let taken = two.until("taken rows 2").max(two.until("taken notes 2"));
    println!("taken over {taken:?} after the cut");
    assert!(taken < TAKEN_WITHIN, "{taken:?}");
    two.until("added");
    // What was sent before the cut arrives late.
    link.thaw();
    one.until("added");
    settle(&client).await;
    let run = run(&client, &journals).await;
    run.assert_clean();
    assert!(run.parked.is_empty());
    one.stop();
    two.stop();
}
