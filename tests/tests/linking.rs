//! Programs of several crates (`tests/fixtures`): what the compiler, the linker and the start-up check make
//! of them.
//!
//! Each test has cargo build or run some of those programs. Cargo lets only one of them at a time use a
//! profile's folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

/// What to do when the fixtures' lock file no longer fits the workspace. Cargo's own advice would resolve
/// anew.
const REFRESH: &str = "refresh `tests/fixtures/Cargo.lock`:\n\
    cp Cargo.lock tests/fixtures/ && cargo update --workspace --offline --manifest-path tests/fixtures/Cargo.toml";

/// What cargo says and does to a fixture.
struct Told {
    succeeded: bool,
    out: String,
    err: String,
}

/// `cargo <arguments> -p <package>`, untouched by what cargo and the user have set for this test's own build.
fn cargo(arguments: &[&str], package: &str) -> Told {
    let fixtures = root().join("tests/fixtures");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    let set_by_cargo = |name: &str| name.starts_with("CARGO_") && name != "CARGO_HOME";
    let disturbing = ["RUSTFLAGS", "RUSTC_WRAPPER", "RUST_LOG", "RUST_BACKTRACE"];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if set_by_cargo(&text) || disturbing.contains(&&*text) {
            cargo.env_remove(&name);
        }
    }
    cargo
        .args(arguments)
        .args(["--quiet", "--offline", "--locked", "-p", package])
        .args(["--color", "never"])
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures"))
        .current_dir(fixtures);
    let told = told(cargo.output().expect("cargo is there"));
    let stale = told.err.contains("because --locked was passed");
    assert!(!stale, "{}\n{REFRESH}", told.err);
    told
}

fn told(output: Output) -> Told {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Told {
        succeeded: output.status.success(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// What the fixture prints. It must end well, and without a warning.
fn run(arguments: &[&str], package: &str) -> String {
    let told = cargo(arguments, package);
    assert!(told.succeeded, "{package} failed:\n{}", told.err);
    assert_eq!(told.err, "", "{package} has nothing to complain about");
    told.out
}

/// What is said against the fixture. It must fail, and print nothing else.
fn failure(arguments: &[&str], package: &str) -> String {
    let told = cargo(arguments, package);
    assert!(!told.succeeded, "{package} should fail:\n{}", told.err);
    assert_eq!(told.out, "", "{package} must not get to run");
    told.err
}

/// Asserts that each part is in the text.
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

/// `file:line` of the attribute above the declaration in a fixture, as errors name it.
fn place(file: &str, declaration: &str) -> String {
    let path = root().join("tests/fixtures").join(file);
    let text = fs::read_to_string(path).expect("a fixture");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with(declaration))
        .expect("declared there");
    let attribute = (0..at)
        .rev()
        .find(|line| {
            ["#[command", "#[event", "#[module"]
                .iter()
                .any(|start| lines[*line].starts_with(start))
        })
        .expect("there is an attribute");
    format!("{file}:{}", attribute + 1)
}

/// What `app` prints: the way of two orders through two crates, and everything that the linker kept.
const APP: &str = "\
billing: order 1 is on its way
app: receipt for order 1
billing: order 2 is on its way
app: receipt for order 2
app: 1200 cents, 2 labels
app: 3 modules, 20 messages
app: billing::Billing
app: billing::audit::Audit
app: shipping::Shipping
app: audited
app: contracts::Balance
app: contracts::Charge
app: contracts::Labels
app: contracts::PrintLabel
app: contracts::Refund
app: contracts::Ship
app: contracts::Shipped
app: contracts::archive::Archive
app: contracts::archive::Archived
app: nether.breaker_closed
app: nether.breaker_opened
app: nether.chain_cut
app: nether.dead_letter
app: nether.handler_failed
app: nether.handler_slow
app: nether.key_crashed
app: nether.module_crash_looping
app: nether.module_restarted
app: nether.module_stopped
";

#[test]
fn modules_of_crates_that_do_not_see_each_other_work_together() {
    assert_eq!(run(&["run"], "app"), APP);
}

#[test]
fn fat_lto_keeps_every_registration() {
    assert_eq!(run(&["run", "--profile", "fat-lto"], "app"), APP);
}

#[test]
fn many_codegen_units_keep_every_registration() {
    assert_eq!(run(&["run", "--profile", "many-units"], "app"), APP);
}

#[test]
fn every_attribute_takes_another_name_of_the_crate() {
    let printed = run(&["run"], "renamed");
    let expected = "renamed: started\nrenamed: added 2\nrenamed: the sum is 3\n";
    assert_eq!(printed, expected);
    let tested = run(&["test"], "renamed");
    assert!(tested.contains("1 passed; 0 failed"), "{tested}");
}

#[test]
fn a_command_that_no_crate_handles_does_not_compile() {
    let error = failure(&["build"], "missing_handler");
    says(
        &error,
        &[
            "error[E0277]: no module handles `Refund`",
            "missing_handler/src/main.rs:10:",
            "no module would handle it",
            "note: list it where it is handled: `#[module(handles = [Refund])]`",
            "due to 1 previous error",
        ],
    );
}

#[test]
fn a_handlers_crate_that_nothing_names_is_a_missing_handler_and_the_note_says_how_to_name_it() {
    let error = failure(&["build"], "not_used");
    says(
        &error,
        &[
            "error[E0277]: no module handles `Charge`",
            "not_used/src/main.rs:9:",
            "note: if the module is in another crate, name that crate once: `use that_crate as _;`",
            "due to 1 previous error",
        ],
    );
}

#[test]
fn two_crates_that_handle_a_command_do_not_compile_and_both_are_named() {
    let error = failure(&["build"], "duplicate_handler");
    says(
        &error,
        &[
            "error[E0283]",
            "duplicate_handler/src/main.rs:12:",
            "multiple `impl`s satisfying `Charge: HandledBy<_>` found",
            "`billing`, `rival`",
            "HandlerAtHome<Billing>>::Handler> for Charge",
            "HandlerAtHome<Rival>>::Handler> for Charge",
            "due to 1 previous error",
        ],
    );
}

/// Within the workspace every feature is on.
#[test]
fn what_needs_a_feature_that_is_off_has_one_error_that_names_it() {
    for (program, what, feature) in [
        ("aggregate", "`#[aggregate]`", "eventstore"),
        ("projection", "`#[projection]`", "eventstore"),
        ("saga", "`#[saga]`", "eventstore"),
        ("endpoint", "`http`", "http"),
        ("problem", "`#[derive(Problem)]`", "http"),
        ("routes", "`#[routes]`", "http"),
        ("serve", "`System::serve`", "http"),
        ("test", "`#[nether::test]`", "test"),
        ("validate", "`validate` alone", "garde"),
    ] {
        let error = failure(&["build", "--bin", program], "without_features");
        let needs = format!("{what} needs the feature `{feature}` of `nether`");
        let enable = format!("`nether = {{ version = \"..\", features = [\"{feature}\"] }}`");
        says(&error, &[&needs, &enable, "due to 1 previous error"]);
    }
}

#[test]
fn what_only_all_crates_together_show_is_reported_at_start_all_at_once_with_both_places() {
    let error = failure(&["run"], "unsound");
    let problems = [
        format!(
            "`audited` ({}) and `audited` ({}) have the same message type ID",
            place("billing/src/audit.rs", "pub struct Audited"),
            place("rival/src/lib.rs", "pub struct Audited"),
        ),
        format!(
            "two modules handle `contracts::Charge` ({}): `billing::Billing` ({}) and `rival::Rival` ({})",
            place("contracts/src/lib.rs", "pub struct Charge"),
            place("billing/src/lib.rs", "impl Billing"),
            place("rival/src/lib.rs", "impl Rival"),
        ),
        format!(
            "two modules handle `contracts::PrintLabel` ({}): `rival::Rival` ({}) and `shipping::Shipping` ({})",
            place("contracts/src/lib.rs", "pub enum PrintLabel"),
            place("rival/src/lib.rs", "impl Rival"),
            place("shipping/src/lib.rs", "impl Shipping"),
        ),
        format!(
            "no module handles `contracts::Refund` ({}), which `rival::Rival` ({}) lists in `calls`",
            place("contracts/src/lib.rs", "pub struct Refund"),
            place("rival/src/lib.rs", "impl Rival"),
        ),
        format!(
            "`audited` ({}) and `unsound::Heard` ({}) are both the endpoint `SSE /audited`",
            place("rival/src/lib.rs", "pub struct Audited"),
            place("unsound/src/main.rs", "pub struct Heard"),
        ),
    ];
    says(&error, &["error: the system cannot start, for 5 reasons:"]);
    says(&error, &problems.each_ref().map(String::as_str));
}

#[test]
fn messages_without_any_module_are_an_error_that_says_so() {
    let error = failure(&["run"], "no_modules");
    says(
        &error,
        &[
            "9 messages are declared but no module is: the link-time registry holds none",
            "name the crates of your modules (`use that_crate as _;`)",
        ],
    );
}

/// A linker script takes away what registers declarations; nothing that depends on it may go on in silence.
#[cfg(target_os = "linux")]
#[test]
fn declarations_that_the_linker_dropped_are_errors_that_say_so() {
    let all = failure(&["run", "--bin", "all"], "lost_registry");
    says(
        &all,
        &[
            "isolated: cannot attach `billing::Billing`",
            "isolated: no running module handles `contracts::Charge`",
            "isolated: no running module handles `contracts::Shipped`",
            "the message is missing from the link-time registry, so this binary was linked without its declarations",
            "error: the system cannot start: the link-time registry is empty",
        ],
    );
    let contracts = failure(&["run", "--bin", "contracts"], "lost_registry");
    says(
        &contracts,
        &[
            "the system cannot start, for 5 reasons:",
            "no module handles `contracts::PrintLabel`",
        ],
    );
    for (message, module) in [
        ("Charge", "Billing"),
        ("Balance", "Billing"),
        ("Shipped", "Billing"),
        ("Shipped", "audit::Audit"),
    ] {
        let start = format!("  - `contracts::{message}` (contracts/src/lib.rs:");
        let lines = contracts.lines().filter(|line| line.starts_with(&start));
        let found = lines.filter(|line| {
            line.contains(&format!("which `billing::{module}`"))
                && line.contains("handles, is missing from the link-time registry")
        });
        assert_eq!(found.count(), 1, "{message} in {module}:\n{contracts}");
    }
}

/// The packages of a lock file that come from a registry: name and version.
fn locked(path: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(path)).expect("a lock file");
    let value = |package: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = package.lines().find_map(|line| line.strip_prefix(&start));
        line.map(|line| line.trim_end_matches('"').to_owned())
    };
    let packages = text.split("[[package]]").skip(1);
    packages
        .filter(|package| value(package, "source").is_some())
        .filter_map(|package| Some((value(package, "name")?, value(package, "version")?)))
        .collect()
}

#[test]
fn the_fixtures_are_locked_to_the_versions_of_the_workspace() {
    let (ours, theirs) = (locked("Cargo.lock"), locked("tests/fixtures/Cargo.lock"));
    assert!(theirs.len() > 10, "{theirs:?}");
    let strange: Vec<_> = theirs
        .iter()
        .filter(|package| !ours.contains(package))
        .collect();
    assert!(
        strange.is_empty(),
        "versions that `Cargo.lock` has not: {strange:?}\n{REFRESH}"
    );
}
