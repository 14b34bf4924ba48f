//! The end of a round: what was accepted was handled, or failed, or is a dead letter, and each failure was
//! reported once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nether::ShutdownReport;

use crate::ledger::{Account, Books, Ledger};
use crate::lost::{Lost, take_lost};
use crate::modules::ALWAYS_THERE;
use crate::round::Totals;
use crate::ticket::Fate;

/// Reads the books of a system that has stopped, and notes in them what is wrong.
pub(crate) fn audit(ledger: &Ledger, report: &ShutdownReport) -> Totals {
    let books = ledger.books();
    let mut wrong = Vec::new();
    let dead: u64 = report.dead_letters.iter().map(|it| it.count).sum();
    let seen = books.reports;
    if (seen.failures, seen.dead_letters) != (report.failed, dead) {
        wrong.push(format!("not every report was seen: {seen:?} of {report}"));
    }
    if !report.cut_off.is_empty() || report.tasks_cut_off > 0 {
        wrong.push(format!("something had to be cut off: {report}"));
    }
    let commands = ledger.accepted() + accepted_in_doubt(&books);
    let accepted = commands + accepted_events(&books, &mut wrong);
    // The monitor has handled the reports.
    let monitored = seen.failures + seen.dead_letters + seen.tasks;
    let ended = (report.handled + report.failed + dead).wrapping_sub(monitored);
    if accepted != ended {
        wrong.push(format!(
            "{accepted} accepted, and {ended} of them handled, failed or dead: {report}, {seen:?}"
        ));
    }
    check_accounts(&books, &mut wrong);
    let totals = Totals {
        units: ledger.ended.load(Ordering::SeqCst),
        accepted,
        failed: report.failed,
        dead,
        tasks: seen.tasks,
        made: ledger.made(),
    };
    drop(books);
    wrong.iter().for_each(|violation| ledger.accuse(violation));
    totals
}

/// How many of the commands and queries in doubt were accepted: those that a handler has begun, and those
/// that are dead letters.
fn accepted_in_doubt(books: &Books) -> u64 {
    let is_accepted =
        |fate: &&Arc<Fate>| fate.begun() != 0 || books.dead.contains_key(&fate.number);
    books.doubtful.iter().filter(is_accepted).count() as u64
}

/// To how many modules events went.
fn accepted_events(books: &Books, wrong: &mut Vec<String>) -> u64 {
    let mut deliveries = 0;
    let mut missed = 0;
    for (fate, is_accepted) in &books.events {
        let dead = books.dead.get(&fate.number).copied().unwrap_or(0);
        let seen = fate.begun() | dead;
        deliveries += u64::from(seen.count_ones());
        missed += u64::from(*is_accepted && seen & ALWAYS_THERE != ALWAYS_THERE);
    }
    if missed > 0 {
        wrong.push(format!("{missed} events did not reach every module"));
    }
    deliveries
}

/// Each failure is one that a caller got, or one that `close` listed, or one in the log of a dropped context.
fn check_accounts(books: &Books, wrong: &mut Vec<String>) {
    let mut lost = take_lost();
    let mut broken = 0;
    for (id, account) in &books.accounts {
        let lost = lost.remove(&id.to_string()).unwrap_or_default();
        let Some(violation) = account.violation(lost) else {
            continue;
        };
        broken += 1;
        if broken <= 3 {
            let ending = books.endings.get(id);
            wrong.push(format!(
                "unit of work {id}, {ending:?}: {violation}: {account:?}, {lost:?}"
            ));
        }
    }
    if broken > 0 {
        wrong.push(format!("{broken} units of work with wrong failures"));
    }
    check_rest(lost, wrong);
}

/// What the log says of units of work in which nothing failed.
fn check_rest(lost: HashMap<String, Lost>, wrong: &mut Vec<String>) {
    for (context, lost) in lost {
        let listed = lost.listed + lost.unnamed;
        if lost.listed > 0 {
            wrong.push(format!(
                "{listed} failures of {context} are in the log alone"
            ));
        }
    }
}

impl Account {
    /// What is wrong with the failures of a unit of work, of which the log says that.
    fn violation(&self, lost: Lost) -> Option<&'static str> {
        let failed = self.failed.len() as u64;
        let mut distinct = self.failed.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if (distinct.len() as u64) < failed {
            return Some("a failure was reported twice");
        }
        let told = self.listed + self.taken + lost.listed;
        if told > failed {
            return Some("a failure was told twice, or never happened");
        }
        // A caller that gets a refusal, or whose message is lost; what ends after the deadline.
        let most = told + lost.unnamed + self.doubtful + self.unfinished + lost.unfinished;
        (failed > most).then_some("a failure was not told")
    }
}
