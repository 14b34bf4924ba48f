//! Start-up, memory, and the smallest program.

use reporting::statistics::Spread;
use reporting::text::{digits, or_dash, table};

use crate::extras::Allocations;
use crate::results::Results;

pub(super) fn start_up(results: &Results) -> Option<String> {
    let rows: Vec<Vec<String>> = results
        .start_up
        .iter()
        .filter_map(|starts| {
            let (first, second) = starts.medians()?;
            let millis = |it: Spread| {
                let [low, median, high] = [it.low, it.median, it.high].map(digits);
                format!("{median} ms ({low}–{high})")
            };
            Some(vec![
                starts.messages.to_string(),
                starts.modules.to_string(),
                millis(first),
                millis(second),
            ])
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let head = [
        "messages",
        "modules",
        "first start",
        "second start in the same process",
    ];
    Some(format!(
        "### (h) Start-up\n\nThe package `startup`: the registry read, every check made, every module running. The \
         generated handlers are not optimised; Nether and its dependencies are.\n\n{}",
        table(&head, rows)
    ))
}

pub(super) fn memory(results: &Results) -> Option<String> {
    let memory = results.memory.as_ref()?;
    let each = |it: Option<(f64, f64)>| {
        or_dash(it.map(|(count, bytes)| format!("{} / {}", digits(count), digits(bytes))))
    };
    let row = |it: &Allocations| {
        vec![
            format!("`{}`", it.contestant),
            each(it.process),
            each(it.send),
            each(it.ask),
            each(it.shared_ask),
            each(it.publish),
            each(it.context),
            or_dash(it.idle.map(|bytes| format!("{bytes:.0}"))),
        ]
    };
    let head = [
        "",
        "`process`",
        "`send`",
        "`ask`",
        "`ask`, shared",
        "`publish` to 10",
        "command and three events",
        "bytes of an idle module",
    ];
    Some(format!(
        "### (i) Allocations and memory\n\nAllocations and bytes per operation, once warm, on the current thread. Queues \
         without a bound grow to what one producer sends before it waits: 20,000 messages. An idle module is one of a \
         thousand that have handled one message each. An open context of Nether takes {:.0} bytes.\n\n{}",
        memory.open_context,
        table(&head, memory.contestants.iter().map(row))
    ))
}

pub(super) fn minimal(results: &Results) -> Option<String> {
    let rows = results.minimal.as_ref()?.rows.iter().map(|row| {
        vec![
            format!("`{}`", row.name),
            row.crates.to_string(),
            format!("{:.1} s", row.clean_seconds),
            format!("{:.2} MB", row.binary_bytes as f64 / 1e6),
        ]
    });
    let head = ["", "crates", "clean build", "binary"];
    Some(format!(
        "### (j) The smallest program\n\nFrom `minimal/results.json`.\n\n{}",
        table(&head, rows)
    ))
}
