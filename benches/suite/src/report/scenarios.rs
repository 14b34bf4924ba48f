//! A table for each scenario.

use reporting::text::{or_dash, ratio, table, time};

use crate::contestants::{self, Contestant};
use crate::results::Results;
use crate::runtime::Flavour;
use crate::scenario::Scenario;

/// All that were run.
pub(super) fn all(results: &Results) -> String {
    let tables: Vec<String> = Scenario::ALL
        .into_iter()
        .filter(|it| results.cells.iter().any(|cell| cell.scenario == it.id()))
        .map(|it| scenario(results, it))
        .collect();
    format!("## Scenarios\n\n{}", tables.join("\n"))
}

/// The table of one, and who is not in it.
pub fn scenario(results: &Results, scenario: Scenario) -> String {
    let timed_singly = results
        .cells
        .iter()
        .any(|cell| cell.scenario == scenario.id() && !cell.p99.is_empty());
    let rows = contestants::ALL
        .iter()
        .filter_map(|contestant| row(results, scenario, contestant, timed_singly));
    let mut head = vec![""];
    let columns: &[[&str; 3]; 2] = &[
        ["multi-thread", "p99", "× baseline"],
        ["current_thread", "p99", "× baseline"],
    ];
    for [time, p99, ratio] in columns {
        head.push(time);
        head.extend(timed_singly.then_some(p99));
        head.push(ratio);
    }
    format!(
        "### {}\n\nTime per {}; the baseline is `{}`.\n\n{}{}",
        scenario.title(),
        scenario.unit(),
        scenario.baseline(),
        table(&head, rows),
        left_out(results, scenario)
    )
}

fn row(
    results: &Results,
    scenario: Scenario,
    contestant: &Contestant,
    timed_singly: bool,
) -> Option<Vec<String>> {
    let id = contestant.id;
    let is_there = Flavour::BOTH.map(|flavour| results.nanos(scenario, flavour, id).is_some());
    is_there.contains(&true).then_some(())?;
    let mut row = vec![format!("`{id}`")];
    for flavour in Flavour::BOTH {
        row.push(or_dash(results.nanos(scenario, flavour, id).map(time)));
        row.extend(timed_singly.then(|| or_dash(results.p99(scenario, flavour, id).map(time))));
        row.push(or_dash(results.ratio(scenario, flavour, id).map(ratio)));
    }
    Some(row)
}

fn left_out(results: &Results, scenario: Scenario) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for out in &results.left_out {
        if out.scenario != scenario.id() {
            continue;
        }
        match reasons.iter_mut().find(|(reason, _)| *reason == out.reason) {
            Some((_, who)) => who.push(&out.contestant),
            None => reasons.push((&out.reason, vec![&out.contestant])),
        }
    }
    reasons
        .iter()
        .map(|(reason, who)| format!("\nLeft out, as {reason}: {}.\n", who.join(", ")))
        .collect()
}
