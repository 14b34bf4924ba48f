//! Where and when it was measured.

use std::process::Command;

use crate::benches;
use crate::text::table;

/// The table of it, with more rows of the caller.
pub fn machine(more: &[(&str, &str)]) -> String {
    let threads = std::thread::available_parallelism().map_or(0, usize::from);
    let rows = [
        ("date", output("date", &["-u", "+%F %R UTC"])),
        ("revision", revision()),
        (
            "processor",
            format!("{}, {threads} hardware threads", processor()),
        ),
        ("system", output("uname", &["-sm"])),
        ("compiler", output("rustc", &["--version"])),
        (
            "profile",
            "release, `lto = \"thin\"`, `codegen-units = 1`".into(),
        ),
    ];
    let more = more
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let rows = rows.into_iter().chain(more);
    table(
        &["", ""],
        rows.map(|(name, value)| vec![name.into(), value]),
    )
}

/// The commit, and whether more has changed since than the reports that are being written.
fn revision() -> String {
    let folder = benches().display().to_string();
    let commit = output("git", &["-C", &folder, "describe", "--always"]);
    let changed = [
        "-C",
        &folder,
        "status",
        "--porcelain",
        "--",
        ":/",
        ":(top,exclude,glob)benches/**/report/**",
        ":(top,exclude,glob)benches/**/REPORT.md",
    ];
    match output("git", &changed).as_str() {
        "" => commit,
        _ => format!("{commit}-dirty"),
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "unknown".into(), |(_, name)| name.to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".into(), |text| text.trim().to_owned())
}
