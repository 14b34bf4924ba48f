//! Where and when it was measured.

use std::path::Path;
use std::process::Command;

use crate::report::text::table;

pub(super) fn machine(folder: &Path) -> String {
    let threads = std::thread::available_parallelism().map_or(0, usize::from);
    let rows = [
        ("date", output("date", &["-u", "+%F %R UTC"])),
        ("revision", revision(folder)),
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
        ("`tracing`", tracing().into()),
    ];
    table(
        &["", ""],
        rows.map(|(name, value)| vec![name.into(), value]),
    )
}

fn tracing() -> &'static str {
    if cfg!(feature = "peer-tracing") {
        "compiled in, as Nether and the peers come by default; no subscriber"
    } else {
        "not compiled into kameo, no spans carried along by ractor (`--no-default-features`); no subscriber"
    }
}

fn revision(folder: &Path) -> String {
    let folder = folder.display().to_string();
    output("git", &["-C", &folder, "describe", "--always", "--dirty"])
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
