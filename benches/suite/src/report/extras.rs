//! Start-up, memory, and the smallest program.

use reporting::statistics::Spread;
use reporting::text::{digits, or_dash, table};

use crate::extras::Allocations;
use crate::results::Results;
use crate::runtime::Flavour;
use crate::things::{Things, Work};

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

pub(super) fn things(results: &Results) -> Option<String> {
    let rows: Vec<Vec<String>> = Work::ALL
        .into_iter()
        .flat_map(|work| work.contestants().iter().map(move |who| (work, *who)))
        .filter_map(|(work, who)| row_of_thing(&results.things, work, who))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let head = [
        "",
        "who",
        "multi-thread",
        "current_thread",
        "bytes of a thing",
        "goal",
    ];
    Some(format!(
        "### (k) Things by key\n\nPlayers, rooms, carts: a name of 15 characters and three numbers each. Each run is a process of \
         its own; figures are those of the round that the machine disturbed least, and memory is the growth of the process. A message \
         is one of five for each thing, in an order that looks like chance, from one task; `nether` has a value for each key \
         (`per`), `nether-map` a map in one module, which one panic loses and one that waits holds up. A goal is for both \
         runtimes.\n\n{}",
        table(&head, rows)
    ))
}

fn row_of_thing(all: &[Things], work: Work, who: &str) -> Option<Vec<String>> {
    let of = |flavour| {
        let mut all = all.iter();
        all.find(|it| it.work == work && it.contestant == who && it.flavour == flavour)
    };
    let found = Flavour::BOTH.map(of);
    found.iter().any(Option::is_some).then_some(())?;
    let mut row = vec![work.title(), format!("`{who}`")];
    row.extend(found.map(|it| or_dash(it.map(|it| in_words(it.least_nanos())))));
    let bytes = found.into_iter().flatten().filter_map(Things::least_bytes);
    row.push(or_dash(
        bytes.reduce(f64::max).map(|bytes| format!("{bytes:.0}")),
    ));
    let goal = work.goal().filter(|_| who == "nether");
    row.push(goal.unwrap_or_default().to_owned());
    Some(row)
}

/// A time, from nanoseconds to milliseconds.
fn in_words(nanos: f64) -> String {
    match nanos {
        1e6.. => format!("{} ms", digits(nanos / 1e6)),
        1e4.. => format!("{} µs", digits(nanos / 1e3)),
        _ => format!("{} ns", digits(nanos)),
    }
}
