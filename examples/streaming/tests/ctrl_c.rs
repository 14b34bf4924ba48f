//! Ctrl-C: every handler at the stream ends in order, and so does the process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_stream_and_the_program_in_order() {
    // Far more than there is time for.
    let mut program = Command::new(env!("CARGO_BIN_EXE_streaming"))
        .arg("400")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = BufReader::new(program.stdout.take().expect("it is piped"));
    let mut lines = output.lines().map(|line| line.expect("text"));
    assert_eq!(lines.next().as_deref(), Some("100 of 400 pages"));
    let interrupt = Command::new("kill")
        .args(["-INT", &program.id().to_string()])
        .status();
    assert!(interrupt.expect("it is told").success());
    let rest: Vec<String> = lines.collect();
    assert!(rest.contains(&"cancelled".to_owned()), "{rest:?}");
    let has_said_how_far = |what| rest.iter().any(|line| line.ends_with(what));
    assert!(has_said_how_far("pages were fetched"), "{rest:?}");
    assert!(has_said_how_far("pages were read"), "{rest:?}");
    assert_eq!(rest.last().map(String::as_str), Some("stopped in order"));
    assert!(program.wait().expect("it ends").success());
}
