//! Published crates are complete, contain nothing else, and have pages that hold without the repository.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Categories of crates.io for the crates of this workspace. Cargo does not check that a category exists.
const CATEGORIES: &[&str] = &[
    "asynchronous",
    "command-line-utilities",
    "concurrency",
    "database",
    "database-implementations",
    "development-tools",
    "development-tools::cargo-plugins",
    "development-tools::testing",
    "network-programming",
    "web-programming",
    "web-programming::http-server",
];

/// Files that every archive has, besides the sources.
const REQUIRED: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Files that cargo adds to every archive.
const ADDED: &[&str] = &[".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What cargo prints.
fn cargo(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--offline")
        .current_dir(root())
        .output()
        .expect("cargo is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// The crates of the workspace that can be published, as `cargo metadata` describes them.
fn published() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let mut metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let Value::Array(mut crates) = metadata["packages"].take() else {
        panic!("packages are a list");
    };
    crates.retain(|package| package["publish"].is_null());
    assert!(crates.len() >= 2, "`nether` and `nether-macros` at least");
    crates
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a name")
}

fn folder(package: &Value) -> PathBuf {
    let manifest = package["manifest_path"].as_str().expect("a path");
    Path::new(manifest)
        .parent()
        .expect("a folder")
        .to_path_buf()
}

fn texts<'a>(package: &'a Value, list: &str) -> Vec<&'a str> {
    let list = package[list].as_array().expect("a list");
    list.iter()
        .map(|text| text.as_str().expect("text"))
        .collect()
}

/// The files of the crate's archive.
fn archive(package: &Value) -> Vec<String> {
    let list = cargo(&["package", "--list", "--allow-dirty", "-p", name(package)]);
    // A path has the separators of its platform.
    list.lines().map(|line| line.replace('\\', "/")).collect()
}

/// The targets of the links and pictures in a page.
fn links(page: &str) -> Vec<&str> {
    let outside_of_code = page.split("```").step_by(2);
    let starts = outside_of_code.flat_map(|text| text.split("](").skip(1));
    starts.filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn a_published_crate_describes_itself() {
    for package in published() {
        let name = name(&package);
        for field in ["description", "license", "rust_version", "readme"] {
            assert!(package[field].is_string(), "{name} has no `{field}`");
        }
        let keywords = texts(&package, "keywords");
        assert!((1..=5).contains(&keywords.len()), "{name}: {keywords:?}");
        assert!(
            keywords.iter().all(|word| word.len() <= 20),
            "{name}: {keywords:?}"
        );
        let categories = texts(&package, "categories");
        assert!(
            (1..=5).contains(&categories.len()),
            "{name}: {categories:?}"
        );
        let unknown = categories.iter().find(|slug| !CATEGORIES.contains(slug));
        assert_eq!(unknown, None, "{name} is in no category of that name");
    }
}

#[test]
fn an_archive_has_sources_licences_and_a_page_and_nothing_else() {
    for package in published() {
        let name = name(&package);
        let files = archive(&package);
        for required in REQUIRED {
            assert!(
                files.iter().any(|file| file == required),
                "{name} has no {required}"
            );
        }
        assert!(
            files
                .iter()
                .any(|file| file == "src/lib.rs" || file == "src/main.rs"),
            "{name} has no sources"
        );
        let known = |file: &str| REQUIRED.contains(&file) || ADDED.contains(&file);
        for file in files.iter().filter(|file| !known(file)) {
            let is_source = file.starts_with("src/") && !file.ends_with("/Cargo.toml");
            let is_test = file.ends_with("/tests.rs") || file.contains("/tests/");
            assert!(
                is_source && !is_test,
                "{name} would be published with {file}"
            );
        }
    }
}

#[test]
fn the_licence_texts_are_those_of_the_workspace() {
    for package in published() {
        for text in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let own = fs::read_to_string(folder(&package).join(text)).expect(text);
            assert_eq!(own, read(text), "{text} of {}", name(&package));
        }
    }
}

/// A package page has no folder, so a relative link leads nowhere.
#[test]
fn links_of_a_package_page_hold_without_the_repository() {
    for package in published() {
        let page = folder(&package).join(package["readme"].as_str().expect("a page"));
        let page = fs::read_to_string(page).expect("a page");
        for link in links(&page) {
            assert!(link.starts_with("https://"), "{}: {link}", name(&package));
        }
    }
}

#[test]
fn links_of_the_root_pages_lead_to_files() {
    for page in ["README.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = read(page);
        for link in links(&text)
            .into_iter()
            .filter(|link| !link.starts_with("http"))
        {
            let (path, section) = link.split_once('#').unwrap_or((link, ""));
            let path = if path.is_empty() { page } else { path };
            assert!(root().join(path).exists(), "{page}: {link}");
            let heading = format!("\n## {}\n", section.replace('-', " "));
            assert!(
                section.is_empty() || read(path).to_lowercase().contains(&heading),
                "{page}: {link}"
            );
        }
    }
}

#[test]
fn the_package_page_shows_the_example_and_what_it_prints() {
    let page = read("nether/README.md");
    let source = read("examples/quickstart/src/main.rs");
    let program = page.split("```rust\n").nth(1).expect("a program");
    let program = program.split("```").next().expect("an end");
    assert!(
        source.contains(program.trim_end()),
        "not the example:\n{program}"
    );
    let output = format!("```text\n{}```", read("examples/quickstart/output.txt"));
    assert!(page.contains(&output), "expected:\n{output}");
}

#[test]
fn the_package_page_lists_every_feature() {
    let packages = published();
    let nether = packages.iter().find(|package| name(package) == "nether");
    let features = nether.expect("`nether`")["features"]
        .as_object()
        .expect("features");
    let by_default = features["default"].as_array().expect("a list");
    let declared = features
        .keys()
        .filter(|name| *name != "default")
        .map(|name| {
            let is_default = by_default.iter().any(|default| default == name.as_str());
            (
                name.clone(),
                if is_default { "yes" } else { "no" }.to_owned(),
            )
        });
    let page = read("nether/README.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let listed = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())
    });
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), declared.collect());
}

#[test]
fn the_rust_version_is_the_same_everywhere() {
    for package in published() {
        let version = package["rust_version"].as_str().expect("a version");
        for (page, expected) in [
            ("README.md", format!("Rust {version} or newer")),
            ("nether/README.md", format!("Rust {version} or newer")),
            ("CONTRIBUTING.md", format!("the gate runs: {version}.")),
            ("ui-tests/tests/ui.rs", format!("\"rustc {version}.\"")),
        ] {
            let text = read(page).replace('\n', " ");
            assert!(text.contains(&expected), "{page} does not say: {expected}");
        }
    }
}
