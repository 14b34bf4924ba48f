//! What the README and the page of the examples show is what the examples are and print.

use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("it is there")
}

/// The example's source, without its first comment and its tests.
fn program(name: &str) -> String {
    let source = read(&format!("examples/{name}/src/main.rs"));
    let lines = source
        .lines()
        .skip_while(|line| line.starts_with("//!") || line.is_empty());
    let lines: Vec<&str> = lines.take_while(|line| *line != "#[cfg(test)]").collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn the_quick_start_is_the_example() {
    let program = format!("```rust\n{}\n```", program("quickstart"));
    assert!(
        read("README.md").contains(&program),
        "expected in the README:\n{program}"
    );
}

#[test]
fn the_outputs_are_those_of_the_examples() {
    let pages = [
        ("README.md", "quickstart"),
        ("examples/README.md", "producer-consumer"),
        ("examples/README.md", "streaming"),
        ("examples/README.md", "unit_of_work"),
        ("examples/README.md", "bank"),
        ("examples/README.md", "order_saga"),
        ("examples/README.md", "workflow"),
    ];
    for (page, name) in pages {
        let shown = format!(
            "$ cargo run -p {name}\n{}```",
            read(&format!("examples/{name}/output.txt"))
        );
        assert!(read(page).contains(&shown), "expected in {page}:\n{shown}");
    }
}

#[test]
fn the_keyed_module_is_that_of_the_manual() {
    let page = read("README.md");
    let shown = page.split("```rust\n").nth(2).expect("the module");
    let shown = shown.split("```").next().expect("an end");
    let manual = read("nether/src/docs/keyed.md");
    for line in shown.lines() {
        assert!(manual.contains(line), "not in the manual: {line}");
    }
}

/// `.ci/e2e` checks that it is what happens.
#[test]
fn the_session_with_the_server_is_the_one_that_is_checked() {
    let session = read("examples/server/session.txt");
    let shown = format!("```console\n{session}```");
    assert!(
        read("examples/README.md").contains(&shown),
        "expected in the page:\n{shown}"
    );
}

#[test]
fn the_messages_of_the_server_are_those_of_the_example() {
    let page = read("examples/README.md");
    let shown = page.split("## Over HTTP").nth(1).expect("the section");
    let shown = shown.split("```rust\n").nth(1).expect("the messages");
    let shown = shown.split("```").next().expect("an end");
    let source = read("examples/server/src/orders.rs");
    for message in shown.split("\n\n") {
        assert!(
            source.contains(message.trim()),
            "not in the example: {message}"
        );
    }
}

#[test]
fn the_account_of_the_bank_is_that_of_the_example() {
    let page = read("examples/README.md");
    let shown = page.split("## What happened is kept").nth(1);
    let shown = shown.and_then(|section| section.split("```rust\n").nth(1));
    let shown = shown.and_then(|section| section.split("```").next());
    let shown = shown.expect("the section shows a part of it");
    let source = read("examples/bank/src/account.rs");
    for part in shown.split("\n\n") {
        assert!(
            source.contains(part.trim_end()),
            "not in the example: {part}"
        );
    }
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = read("SEMANTICS.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let promises: Vec<&str> = rows.filter(|row| !row.starts_with("| promise")).collect();
    assert!(promises.len() > 20);
    for promise in promises {
        let proof = promise.trim_end_matches('|').rsplit('|').next();
        let proof = proof.expect("a column");
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no proof: {promise}");
        for name in names {
            let (file, test) = name.rsplit_once("::").expect("file::test");
            let file = file.replace("::", "/");
            let folders = [
                "tests/tests",
                "tests/endurance/tests",
                "tests/postgres/tests",
            ];
            let mut files = folders
                .into_iter()
                .flat_map(|folder| [".rs", "/main.rs"].map(|end| format!("{folder}/{file}{end}")));
            let file = files.find(|file| root().join(file).exists()).expect(name);
            let found = read(&file).contains(&format!("fn {test}("));
            assert!(found, "{name} does not exist");
        }
    }
    assert!(read("README.md").contains("(SEMANTICS.md)"));
}

#[test]
fn the_speed_table_is_a_part_of_the_report() {
    let report = read("benches/REPORT.md");
    let targets = report.split("## Targets").nth(1).expect("the section");
    let table = targets.split("\n\n").find(|part| part.starts_with('|'));
    let table: Vec<&str> = table.expect("the table").lines().collect();
    let readme = read("README.md");
    let speed = readme.split("## Speed").nth(1).expect("the section");
    let speed = speed.split("\n## ").next().expect("its text");
    let rows: Vec<&str> = speed.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 2, "no table");
    for row in rows {
        assert!(table.contains(&row), "not in the report: {row}");
    }
}
