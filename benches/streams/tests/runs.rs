//! Every way to share a stream is measured, on both runtimes; each checks that all items have come.

use std::process::Command;

#[test]
fn one_round_has_a_ratio_for_each_way() {
    let program = env!("CARGO_BIN_EXE_streams");
    let output = Command::new(program).arg("1").output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let (one, two) = text.split_once("multi_thread").expect("both runtimes");
    for ways in [one, two] {
        for way in ["join", "watch", "watch_lossy"] {
            assert!(ways.contains(way), "{way} is missing:\n{text}");
        }
    }
}
