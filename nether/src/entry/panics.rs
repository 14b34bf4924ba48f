//! What a program writes on standard error about its panics and about the error of its `main`: lines in which
//! text from outside begins no line of its own, and which a terminal only shows.

use std::backtrace::Backtrace;
use std::env;
use std::io::{Write, stderr};
use std::panic::{PanicHookInfo, set_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::error::Error;
use crate::escaped::Escaped;
use crate::guarded::panic_text;

/// Lets panics be written by [`write_panic`]. Called before any code of `main`, so that a hook that the
/// program sets takes the place of this one.
///
/// On standard error and not as an entry of the log, as Rust does it: a filter must not hide why a process
/// ended, and what panics may be the subscriber.
pub(super) fn install() {
    set_hook(Box::new(write_panic));
}

/// Writes a panic as one line, and its backtrace if `RUST_BACKTRACE` asks for it.
fn write_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("<unnamed>");
    let place = panic.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("an unknown place");
    let text = panic_text(panic.payload());
    let line = format!("thread '{thread}' panicked at {place}: {text}");
    write_lines(&format!("{}\n{}", Escaped(line), traced()));
}

/// The backtrace, or how to get one, which is said once.
fn traced() -> String {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    match env::var("RUST_BACKTRACE").as_deref() {
        Ok("full") => format!("stack backtrace:\n{:#}", Backtrace::force_capture()),
        Err(_) | Ok("0") if IS_SAID.swap(true, Ordering::Relaxed) => String::new(),
        Err(_) | Ok("0") => {
            "note: `RUST_BACKTRACE=1` in the environment shows a backtrace\n".to_owned()
        }
        Ok(_) => format!("stack backtrace:\n{}", Backtrace::force_capture()),
    }
}

/// Writes the error of `main` with its causes.
pub(super) fn write_error(error: &Error) {
    write_lines(&lines(&format!("error: {error:?}")));
}

/// The lines of a text, escaped, and all but the first of them indented.
fn lines(text: &str) -> String {
    let mut lines = String::new();
    for (number, line) in text.split('\n').enumerate() {
        let indent = if number == 0 || line.starts_with("  ") {
            ""
        } else {
            "  "
        };
        lines.push_str(&format!("{indent}{}\n", Escaped(line)));
    }
    lines
}

/// Writes lines at once. A standard error that is closed is no reason to panic.
fn write_lines(lines: &str) {
    let _ = stderr().write_all(lines.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn the_lines_of_an_error_are_those_of_one_error() {
        assert_eq!(lines("error: a"), "error: a\n");
        assert_eq!(
            lines("error: a\nERROR admin: forged \u{1b}[31m\r\n  caused by: b"),
            "error: a\n  ERROR admin: forged \\u{1b}[31m\\r\n  caused by: b\n"
        );
    }
}
