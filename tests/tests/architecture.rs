//! ARCHITECTURE.md describes the source as it is: what it names exists, and what there is it names.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("it is there")
}

/// The page's code spans.
fn spans(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

fn is_path(span: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    let looks_like_one = span.contains('/') || span.ends_with(".rs") || span.ends_with(".md");
    looks_like_one && !span.starts_with('/') && span.chars().all(is_plain)
}

/// The modules that the root of a crate declares.
fn modules(root: &str) -> Vec<String> {
    let declared = root.lines().filter_map(|line| {
        let declared = line.strip_prefix("pub ").unwrap_or(line);
        declared.strip_prefix("mod ")?.strip_suffix(';')
    });
    declared.map(str::to_owned).collect()
}

/// All sources below a folder, as one text.
fn text_of(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            text += &text_of(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).expect("text");
        }
    }
    text
}

#[test]
fn every_path_that_it_names_exists() {
    let (page, root) = (read("ARCHITECTURE.md"), root());
    for path in spans(&page).filter(|span| is_path(span)) {
        let exists = root.join(path).exists() || root.join("nether/src").join(path).exists();
        assert!(exists, "`{path}` does not exist");
    }
}

#[test]
fn every_type_that_it_names_exists() {
    let page = read("ARCHITECTURE.md");
    let source = ["nether/src", "nether-macros/src"].map(|folder| text_of(&root().join(folder)));
    let source = source.concat();
    let in_source = |name: &str| {
        let words = source.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.into_iter().any(|word| word == name)
    };
    for span in spans(&page).filter(|span| !span.contains(' ')) {
        let words = span.split(|letter: char| !letter.is_alphanumeric());
        let types = words.filter(|word| {
            word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
        });
        for name in types.filter(|_| !is_path(span)) {
            assert!(in_source(name), "`{name}`, in `{span}`, does not exist");
        }
    }
}

#[test]
fn it_names_every_module_and_every_bench() {
    let page = read("ARCHITECTURE.md");
    let is_named = |path: String| {
        assert!(
            page.contains(&format!("`{path}.rs`")) || page.contains(&format!("`{path}/`")),
            "`{path}` is not described"
        );
    };
    let runtime = modules(&read("nether/src/lib.rs"));
    let runtime = runtime.into_iter().filter(|module| module != "__private");
    runtime.for_each(is_named);
    let macros = modules(&read("nether-macros/src/lib.rs"));
    macros
        .into_iter()
        .map(|module| format!("nether-macros/src/{module}"))
        .for_each(is_named);
    for entry in fs::read_dir(root().join("benches")).expect("a folder") {
        let folder = entry.expect("readable");
        let name = folder.file_name().into_string().expect("text");
        if folder.path().join("Cargo.toml").exists() {
            is_named(format!("benches/{name}"));
        }
    }
}

/// The order of the modules in `lib.rs` is the one statement of the layers.
#[test]
fn no_layer_has_a_number() {
    for folder in ["nether/src", "nether-macros/src"] {
        let text = text_of(&root().join(folder));
        let numbered = text.lines().find(|line| {
            let after = line.split_once("Layer ").map(|(_, after)| after);
            after.is_some_and(|after| after.starts_with(|digit: char| digit.is_ascii_digit()))
        });
        assert_eq!(numbered, None);
    }
}
