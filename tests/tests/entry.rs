//! What `#[nether::main]` and `#[nether::test]` do around a program.

use std::io::{BufRead, BufReader, Read};
#[cfg(unix)]
use std::process::{Child, ChildStdout};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use nether::prelude::*;

fn output(program: &mut Command) -> (Output, String, String) {
    let output = program.output().expect("it was built along with this test");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn an_error_is_printed_with_its_whole_chain_and_the_exit_code_says_so() {
    let (output, _, err) = output(&mut Command::new(env!("CARGO_BIN_EXE_fails")));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err.contains(
            "error: cannot read the price list\n  caused by: invalid digit found in string"
        ),
        "{err}"
    );
}

#[test]
fn warnings_are_printed_and_rust_log_is_honoured() {
    let (_, _, err) = output(Command::new(env!("CARGO_BIN_EXE_fails")).env_remove("RUST_LOG"));
    assert!(
        err.contains("a warning") && !err.contains("for those who ask"),
        "{err}"
    );
    let (_, _, err) =
        output(Command::new(env!("CARGO_BIN_EXE_fails")).env("RUST_LOG", "fails=debug"));
    assert!(err.contains("for those who ask"), "{err}");
    let (_, _, err) = output(Command::new(env!("CARGO_BIN_EXE_fails")).env("RUST_LOG", "off"));
    assert!(!err.contains("a warning"), "{err}");
}

#[test]
fn a_program_may_set_a_subscriber_of_its_own() {
    let (_, out, err) = output(&mut Command::new(env!("CARGO_BIN_EXE_logs")));
    assert!(out.contains("INFO logs: in its own way"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn a_panic_stops_the_system_in_order_and_goes_on() {
    let (output, out, err) = output(&mut Command::new(env!("CARGO_BIN_EXE_panics")));
    assert_eq!(output.status.code(), Some(101));
    assert_eq!(out, "stopped in order\n");
    assert_eq!(err.matches("as asked").count(), 1, "{err}");
}

#[test]
fn the_text_of_a_panic_begins_no_line_and_reaches_no_terminal() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_panics"));
    let (_, _, err) = output(program.env_remove("RUST_BACKTRACE"));
    let lines: Vec<&str> = err.lines().collect();
    let [panicked, note] = lines[..] else {
        panic!("a panic is one line, and how to learn more another: {err}");
    };
    assert!(panicked.starts_with("thread 'main' panicked at "), "{err}");
    assert!(
        panicked.ends_with(r"as asked\nERROR admin: \u{1b}[31mforged"),
        "{err}"
    );
    assert!(note.contains("RUST_BACKTRACE=1"), "{err}");
    let (_, _, err) = output(program.env("RUST_BACKTRACE", "1"));
    assert!(err.contains("stack backtrace:"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err}");
}

#[test]
fn a_program_may_set_a_panic_hook_of_its_own_which_may_call_the_one_before() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_panics"));
    let (output, out, err) = output(program.arg("--own-hook"));
    assert_eq!(output.status.code(), Some(101));
    assert_eq!(out, "in its own way\nstopped in order\n");
    assert_eq!(err.matches("as asked").count(), 1, "{err}");
}

#[test]
fn the_text_of_an_error_begins_no_line_and_reaches_no_terminal() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fails"));
    let (_, _, err) = output(program.arg("--forged"));
    assert!(
        err.ends_with("error: no\n  ERROR admin: \\u{1b}[31mforged\n"),
        "{err}"
    );
}

#[test]
fn a_program_that_cannot_start_says_why() {
    let (output, out, err) = output(&mut Command::new(env!("CARGO_BIN_EXE_unsound")));
    assert_eq!(output.status.code(), Some(1));
    assert!(out.is_empty());
    assert!(
        err.contains("no module handles `unsound::Unanswered`"),
        "{err}"
    );
    assert!(err.contains("unsound.rs:"), "{err}");
}

#[test]
fn the_end_of_an_essential_module_stops_the_program_and_its_exit_code_says_so() {
    for (how, module) in [("once", "vital::Fragile"), ("often", "vital::Brittle")] {
        let run =
            |arguments: &[&str]| output(Command::new(env!("CARGO_BIN_EXE_vital")).args(arguments));
        let expected = format!("error: the system stopped because it cannot do without `{module}`");
        let (ended, out, err) = run(&[how, "waits"]);
        assert_eq!(ended.status.code(), Some(1), "{err}");
        assert!(out.contains("stopped in order\n"), "{out}");
        assert!(out.contains(" failed\n"), "`main` gets its report: {out}");
        assert!(err.contains(&expected), "{err}");
        // Also one that waits for something else is over then.
        let (ended, out, err) = run(&[how]);
        assert_eq!(ended.status.code(), Some(1), "{err}");
        assert_eq!(out, "stopped in order\n");
        assert!(err.contains(&expected), "{err}");
    }
}

/// A program that runs.
#[cfg(unix)]
struct Running {
    program: Child,
    out: BufReader<ChildStdout>,
}

#[cfg(unix)]
impl Running {
    fn new(program: &str, arguments: &[&str]) -> Self {
        let mut program = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built along with this test");
        let out = BufReader::new(program.stdout.take().expect("piped"));
        Running { program, out }
    }

    /// Reads until it says this line, and gives the lines before.
    fn until(&mut self, expected: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended without {expected:?}, after {lines:?}");
            if line.trim_end() == expected {
                return lines;
            }
            lines.push(line);
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.program.id().to_string()])
            .status();
        assert!(sent.expect("`kill` is there").success());
    }

    /// Its exit code, and what else it said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("text");
        (self.program.wait().expect("it ends").code(), rest)
    }
}

/// Starts the program, waits until it is ready, sends it the signal, and gives what it says after that.
#[cfg(unix)]
fn signalled(arguments: &[&str], signal: &str) -> (Option<i32>, String) {
    let mut running = Running::new(env!("CARGO_BIN_EXE_serves"), arguments);
    assert!(running.until("ready").is_empty());
    running.signal(signal);
    running.end()
}

#[cfg(unix)]
#[test]
fn a_handler_that_never_returns_is_cut_off_after_the_timeout() {
    let mut running = Running::new(env!("CARGO_BIN_EXE_hangs"), &[]);
    running.until("ready");
    running.signal("-INT");
    let (code, said) = running.end();
    assert_eq!((code, said.as_str()), (Some(1), "first stopped\n"));
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_the_process_at_once() {
    let mut running = Running::new(env!("CARGO_BIN_EXE_hangs"), &["--patient"]);
    running.until("ready");
    running.signal("-INT");
    // Two signals that come at the same time are one to the system, so until it has seen the first.
    let (program, is_over) = (running.program.id().to_string(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                std::thread::yield_now();
                let _ = Command::new("kill").args(["-INT", &program]).output();
            }
        });
        let (code, said) = running.end();
        is_over.store(true, Ordering::SeqCst);
        assert_eq!((code, said.as_str()), (Some(130), ""));
    });
}

#[cfg(unix)]
#[test]
fn a_signal_while_the_system_starts_stops_what_had_started() {
    let mut running = Running::new(env!("CARGO_BIN_EXE_hangs"), &["--starting"]);
    assert_eq!(running.until("ready"), ["first started\n"]);
    running.signal("-TERM");
    let (code, said) = running.end();
    assert_eq!((code, said.as_str()), (Some(0), "first stopped\n"));
}

#[cfg(unix)]
#[test]
fn signals_stop_the_system_in_order() {
    for signal in ["-INT", "-TERM"] {
        let (code, said) = signalled(&[], signal);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("stopped in order\n"), "{said}");
        assert!(said.contains("1 messages handled, 0 failed"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_main_that_does_not_wait_for_it() {
    let (code, said) = signalled(&["--for-ever"], "-TERM");
    assert_eq!((code, said.as_str()), (Some(0), "stopped in order\n"));
}

#[event]
struct Nothing;

#[derive(Default)]
struct Nobody;

#[module(handles = [])]
impl Nobody {}

#[nether::test]
async fn a_test_gets_a_started_system(system: System) {
    let ctx = system.context();
    ctx.publish(Nothing).await.expect("the system runs");
    assert_eq!(ctx.close().await.expect("nothing failed").handled, 0);
}

#[nether::test(flavor = "current_thread")]
async fn a_test_may_start_the_system_itself(builder: SystemBuilder) -> nether::Result<()> {
    let system = builder.isolated().start().await?;
    assert!(system.modules().is_empty(), "`Nobody` is not started");
    Ok(())
}

#[nether::test]
#[should_panic(expected = "as asked")]
async fn a_test_that_panics_fails(_: System) {
    panic!("as asked");
}

#[nether::test]
#[should_panic(expected = "invalid digit")]
async fn a_test_that_gives_back_an_error_fails(_: System) -> nether::Result<()> {
    "x".parse::<u8>()?;
    Ok(())
}
