//! Transactions whose steps hang: neither the unit of work nor a stop waits for them for ever, and the report
//! says which were cut off.

use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use nether::prelude::*;
use nether::{Transaction, TransactionReport, TransactionStep};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// What transactions did, in order.
type Journal = Arc<Mutex<Vec<String>>>;

/// Writes down its steps, and hangs at one if it is to.
struct Noted<const NAME: char> {
    journal: Journal,
    hangs_at: Option<&'static str>,
    hangs: Arc<Notify>,
}

impl<const NAME: char> Noted<NAME> {
    fn new(journal: &Journal, hangs_at: Option<&'static str>) -> Self {
        Noted {
            journal: Arc::clone(journal),
            hangs_at,
            hangs: Arc::default(),
        }
    }

    async fn step(&self, step: &'static str) -> nether::Result<()> {
        if self.hangs_at == Some(step) {
            self.hangs.notify_one();
            return pending().await;
        }
        let mut journal = self.journal.lock().expect("no panic");
        journal.push(format!("{NAME} {step}"));
        Ok(())
    }
}

impl<const NAME: char> Transaction for Noted<NAME> {
    async fn prepare(&mut self) -> nether::Result<()> {
        self.step("prepare").await
    }

    async fn commit(self) -> nether::Result<()> {
        self.step("commit").await
    }

    async fn rollback(self) -> nether::Result<()> {
        self.step("rollback").await
    }
}

/// The patience of `close`, see [`SystemBuilder::close_patience`].
const PATIENCE: Duration = Duration::from_secs(5);

/// Closes a unit of work with three transactions, the second of which hangs. It may take as long as given.
/// Returns what was reported, what was done, and how long it took.
async fn closed(
    hangs_at: &'static str,
    is_cancelled: bool,
    within: Duration,
) -> (TransactionReport, Vec<String>, Duration) {
    let journal = Journal::default();
    let system = System::builder().isolated().start().await.unwrap();
    let began = Instant::now();
    let ctx = system.context().with_timeout(within);
    ctx.enlist(Noted::<'a'>::new(&journal, None)).unwrap();
    ctx.enlist(Noted::<'b'>::new(&journal, Some(hangs_at)))
        .unwrap();
    ctx.enlist(Noted::<'c'>::new(&journal, None)).unwrap();
    if is_cancelled {
        ctx.cancel();
    }
    let error = ctx.close().await.unwrap_err();
    let took = began.elapsed();
    let done = journal.lock().expect("no panic").clone();
    (*error.transactions, done, took)
}

/// The step that was cut off, and its error.
#[track_caller]
fn cut_off(report: &TransactionReport) -> (TransactionStep, String) {
    let [failure] = &report.failed[..] else {
        panic!("one step was cut off: {report}")
    };
    assert!(failure.cut_off, "{report}");
    (failure.step, failure.error.to_string())
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_while_it_prepares_is_rolled_back_with_all_others_at_the_deadline() {
    let within = Duration::from_secs(30);
    let (report, done, took) = closed("prepare", false, within).await;
    let (step, error) = cut_off(&report);
    assert_eq!(step, TransactionStep::Prepare);
    assert!(
        error.contains("the deadline of its unit of work passed"),
        "{error}"
    );
    assert_eq!(report.rolled_back.len(), 3);
    assert_eq!(
        done,
        ["a prepare", "c rollback", "b rollback", "a rollback"]
    );
    assert_eq!(took.as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn of_a_commit_that_hangs_nothing_is_known_and_the_others_are_committed() {
    let within = Duration::from_secs(30);
    let (report, done, took) = closed("commit", false, within).await;
    let (step, error) = cut_off(&report);
    assert_eq!(step, TransactionStep::Commit);
    assert!(
        error.contains("whether it is committed is unknown"),
        "{error}"
    );
    assert!(report.rolled_back.is_empty(), "{report}");
    assert_eq!(report.committed.len(), 2);
    assert_eq!(done[3..], ["a commit", "c commit"]);
    assert_eq!(took.as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn also_if_the_first_commit_hangs_the_others_are_committed() {
    let journal = Journal::default();
    let system = System::builder().isolated().start().await.unwrap();
    let ctx = system.context().with_timeout(Duration::from_secs(1));
    ctx.enlist(Noted::<'a'>::new(&journal, Some("commit")))
        .unwrap();
    ctx.enlist(Noted::<'b'>::new(&journal, None)).unwrap();
    let report = *ctx.close().await.unwrap_err().transactions;
    assert_eq!(cut_off(&report).0, TransactionStep::Commit);
    assert!(report.rolled_back.is_empty(), "{report}");
    assert_eq!(report.committed.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_begins_late_has_the_patience_of_close() {
    let (report, _, took) = closed("commit", false, Duration::from_millis(1)).await;
    assert_eq!(cut_off(&report).0, TransactionStep::Commit);
    assert_eq!(took.as_secs(), PATIENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_hangs_is_cut_off_and_the_others_are_rolled_back() {
    let (report, done, took) = closed("rollback", true, Duration::from_millis(1)).await;
    let (step, error) = cut_off(&report);
    assert_eq!(step, TransactionStep::RollBack);
    assert!(
        error.contains("whether it is rolled back is unknown"),
        "{error}"
    );
    assert_eq!(report.rolled_back.len(), 2);
    assert_eq!(done, ["c rollback", "a rollback"]);
    assert_eq!(took.as_secs(), PATIENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_off_what_hangs_in_a_unit_of_work_without_a_deadline() {
    for (hangs_at, rolled_back) in [("prepare", 1), ("commit", 0)] {
        let journal = Journal::default();
        let system = System::builder().isolated().start().await.unwrap();
        let ctx = system.context();
        let transaction = Noted::<'a'>::new(&journal, Some(hangs_at));
        let hangs = Arc::clone(&transaction.hangs);
        ctx.enlist(transaction).unwrap();
        let closing = tokio::spawn(ctx.close());
        hangs.notified().await;
        let report = system.shutdown().await;
        assert_eq!(report.tasks_cut_off, 1, "{report}");
        let report = *closing.await.unwrap().unwrap_err().transactions;
        let (_, error) = cut_off(&report);
        assert!(
            error.contains("the time-out of the shutdown passed"),
            "{error}"
        );
        assert_eq!(report.rolled_back.len(), rolled_back);
    }
}

/// Stops a system that grants four seconds, and one more to what it cuts off, while the first of the
/// transactions given hangs. Returns both reports.
async fn stopped<const COUNT: usize>(
    hang_at: [Option<&'static str>; COUNT],
    patience: Duration,
) -> (nether::ShutdownReport, TransactionReport) {
    let journal = Journal::default();
    let builder = System::builder().isolated().close_patience(patience);
    let builder = builder.shutdown_timeout(Duration::from_secs(4));
    let system = builder.start().await.unwrap();
    let ctx = system.context();
    let hangs: Arc<Notify> = Arc::default();
    for hangs_at in hang_at {
        let mut transaction = Noted::<'a'>::new(&journal, hangs_at);
        transaction.hangs = Arc::clone(&hangs);
        ctx.enlist(transaction).unwrap();
    }
    let closing = tokio::spawn(ctx.close());
    hangs.notified().await;
    let began = Instant::now();
    let report = system.shutdown().await;
    assert_eq!(began.elapsed().as_secs(), 4);
    (report, *closing.await.unwrap().unwrap_err().transactions)
}

#[tokio::test(start_paused = true)]
async fn a_short_stop_cuts_off_all_that_hang_in_turn_before_its_report() {
    for patience in [PATIENCE, Duration::MAX] {
        let hang_at = [Some("commit"), None, Some("commit"), Some("commit")];
        let (report, transactions) = stopped(hang_at, patience).await;
        assert_eq!(report.tasks_cut_off, 3, "{report}");
        assert_eq!(transactions.failed.len(), 3, "{transactions}");
        assert!(
            transactions.failed.iter().all(|it| it.cut_off),
            "{transactions}"
        );
        assert_eq!(transactions.committed.len(), 1, "{transactions}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_extend_a_patience_that_is_shorter_than_what_it_grants() {
    let (report, transactions) = stopped([Some("rollback"), Some("prepare")], Duration::ZERO).await;
    assert_eq!(report.tasks_cut_off, 2, "{report}");
    assert_eq!(transactions.rolled_back.len(), 1, "{transactions}");
}

/// Blocks its thread when it is committed, until its sender is dropped.
struct Blocking {
    blocks: Option<oneshot::Sender<()>>,
    until: mpsc::Receiver<()>,
}

impl Transaction for Blocking {
    async fn commit(mut self) -> nether::Result<()> {
        let _ = self.blocks.take().map(|blocks| blocks.send(()));
        let _ = self.until.recv();
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_blocks_its_thread_is_in_the_report_of_a_stop() {
    let builder = System::builder().isolated();
    let builder = builder.shutdown_timeout(Duration::from_millis(40));
    let system = builder.start().await.unwrap();
    let (end, until) = mpsc::channel();
    let (blocks, has_blocked) = oneshot::channel();
    let ctx = system.context();
    let blocks = Some(blocks);
    ctx.enlist(Blocking { blocks, until }).unwrap();
    let closing = tokio::spawn(ctx.close());
    has_blocked.await.unwrap();
    let report = system.shutdown().await;
    assert_eq!(report.tasks_cut_off, 1, "{report}");
    assert!(report.has_cut_off());
    drop(end);
    closing.await.unwrap().unwrap();
}
