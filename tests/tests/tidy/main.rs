//! The shape of the source: layers import only what is below them, files are small and say what they hold.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code, without comments and blanks. Nothing is near it but what should be split.
const LONGEST: usize = 420;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines that are not comments.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("text");
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(str::to_owned).collect()
}

/// What follows `crate::` in a line.
fn imported(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn layers_import_only_what_is_below_them() {
    let src = root().join("nether/src");
    let declared = code(&src.join("lib.rs"));
    let layers: Vec<&str> = declared
        .iter()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert!(
        layers.len() > 15,
        "the layers are declared in `lib.rs`: {layers:?}"
    );
    let place = |name: &str| layers.iter().position(|layer| *layer == name);
    let mut wrong = Vec::new();
    for path in sources(&src) {
        let relative = path.strip_prefix(&src).expect("below").with_extension("");
        let own = relative
            .iter()
            .next()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        // `lib.rs` and `private.rs` re-export from every layer.
        let Some(own_place) = place(&own) else {
            continue;
        };
        for line in code(&path) {
            let above =
                imported(&line).filter(|name| place(name).is_some_and(|place| place > own_place));
            wrong.extend(above.map(|name| format!("{} imports `{name}`", path.display())));
        }
    }
    assert!(
        wrong.is_empty(),
        "layers in order: {layers:?}\n{}",
        wrong.join("\n")
    );
}

#[test]
fn macros_do_not_import_each_other() {
    let src = root().join("nether-macros/src");
    let families = [
        "message", "module", "entry", "problem", "routes", "sourcing",
    ];
    for family in families {
        for path in sources(&src.join(family)) {
            for line in code(&path) {
                let other = imported(&line).find(|name| families.contains(name) && *name != family);
                assert_eq!(other, None, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_holds_and_is_not_long() {
    for folder in [
        "benches/instructions/src",
        "benches/minimal/src",
        "benches/startup/src",
        "nether/benches",
        "nether/src",
        "nether-macros/src",
        "examples",
        "tests",
        "ui-tests/tests",
    ] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("text");
            if !path.components().any(|part| part.as_os_str() == "target") {
                assert!(
                    text.starts_with("//!"),
                    "{} does not open with `//!`",
                    path.display()
                );
                assert!(
                    code(&path).len() <= LONGEST,
                    "{} is too long",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["todo!", "unimplemented!", "#[ignore"].map(|mark| mark.to_owned());
    for folder in ["nether/src", "nether-macros/src", "examples"] {
        for path in sources(&root().join(folder)) {
            for line in code(&path) {
                let mark = marks.iter().find(|mark| line.contains(*mark));
                assert_eq!(mark, None, "{}", path.display());
            }
        }
    }
}
