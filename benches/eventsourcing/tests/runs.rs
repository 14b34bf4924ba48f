//! What needs no other crate runs, a fraction of it: all of it counts what it has done.

use std::process::Command;

use eventsourcing::folder::Folder;
use eventsourcing::scale::Scale;
use eventsourcing::scenario::Synchronous;
use eventsourcing::turn;

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_short_run_says_the_ratio_and_writes_nothing() {
    let program = env!("CARGO_BIN_EXE_eventsourcing");
    let text = printed(program, &["1", "--only", "in-memory"]);
    assert!(text.contains("`plain module + append`"), "{text}");
    assert!(text.contains("## Ratios"), "{text}");
}

#[test]
fn commands_are_stored_with_and_without_transactions_of_their_own() {
    let scale = Scale::short(1);
    for single in [false, true] {
        for callers in [1, 64] {
            let nanos = turn::on_disk(&scale, callers, Synchronous::Normal, single);
            assert!(nanos > 0.0);
        }
    }
}

#[test]
fn what_was_filled_is_replayed() {
    let folder = Folder::new("replayed");
    let file = folder.file("ours.db").display().to_string();
    let program = env!("CARGO_BIN_EXE_reading");
    printed(program, &["fill", &file, "3", "40"]);
    let nanos = printed(program, &["replay", &file, "120"]);
    assert!(nanos.trim().parse::<f64>().expect("a number") > 0.0);
}

#[test]
fn memory_is_said_after_each_tenth() {
    let text = printed(env!("CARGO_BIN_EXE_resident"), &["100"]);
    assert_eq!(text.lines().count(), 10, "{text}");
}
