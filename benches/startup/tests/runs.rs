//! A program of many messages starts, twice.

use std::process::Command;

#[test]
fn it_starts_and_says_how_long_that_took() {
    let program = env!("CARGO_BIN_EXE_startup");
    let output = Command::new(program).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let line = String::from_utf8(output.stdout).expect("text");
    assert!(line.contains(" modules started in "), "{line}");
    assert!(line.contains(", a second time in "), "{line}");
}
