//! The program prints what the README shows.

use std::process::Command;

#[test]
fn the_output_is_the_one_in_the_readme() {
    let program = env!("CARGO_BIN_EXE_order_saga");
    let output = Command::new(program).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(printed, include_str!("../output.txt"));
}
