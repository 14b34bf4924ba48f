//! Paths in documents: whatever looks like a path into the repository exists.
//!
//! A word of inline code, or of a block of shell commands, looks like one if it ends in `/` or in an
//! extension of ours, or begins with a folder of the repository or of the source of the runtime. The number
//! of a line and punctuation may stand behind it, and names in braces make it several paths. It may be
//! relative to the root, to the source of the runtime, or to one of the folders that the document is in. A
//! name without a folder may stand for a file anywhere below the document's own folder.

use std::path::Path;

use crate::document::{Document, Span};
use crate::finding::Finding;
use crate::pages::{asides, attributes, comments, pages};
use crate::tree::files;

const EXTENSIONS: [&str; 9] = [
    ".rs", ".md", ".toml", ".json", ".sql", ".stderr", ".py", ".ld", ".svg",
];

/// Paths into a user's project, or what a command writes.
const NOT_OURS: [&str; 6] = [
    "mod.rs",
    "name.rs",
    "name/",
    "nether-schema.lock.json",
    "results.json",
    "src/shipping.rs",
];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let documents = [pages(root), attributes(root), comments(root), asides(root)];
    let mut findings = Vec::new();
    for document in documents.iter().flatten() {
        for span in document.spans() {
            let is_single = !span.text.contains(' ');
            for word in span.text.split(' ').flat_map(paths) {
                if looks_like_path(root, &word, is_single) && !exists(root, &document.path, &word) {
                    findings.push(finding(document, span.line, &word));
                }
            }
        }
        for (line, word) in commands(document) {
            if looks_like_path(root, &word, false) && !exists(root, &document.path, &word) {
                findings.push(finding(document, line, &word));
            }
        }
        let is_page = document.path.ends_with(".md") && !document.path.starts_with("nether/src");
        for Span { text, line } in document.links().into_iter().filter(|_| is_page) {
            let target = text.split('#').next().unwrap_or_default();
            let is_outside = text.contains("://") || target.is_empty();
            if !is_outside && !root.join(folder(&document.path)).join(target).exists() {
                findings.push(finding(document, line, &text));
            }
        }
    }
    findings
}

fn finding(document: &Document, line: usize, path: &str) -> Finding {
    Finding::new(
        &document.path,
        line,
        format!("`{path}` does not exist"),
        "name the file as it is called now; if it is no path into the repository, list it in `NOT_OURS` of tidy's `paths.rs`",
    )
}

/// The words of shell commands.
fn commands(document: &Document) -> Vec<(usize, String)> {
    let mut is_shell = false;
    let mut words = Vec::new();
    for line in document.lines.iter().filter(|line| line.is_code) {
        if let Some(language) = line.text.trim_start().strip_prefix("```") {
            is_shell = matches!(language, "sh" | "console");
        } else if is_shell {
            let command = line.text.split(" # ").next().unwrap_or_default();
            let paths = command.split(' ').flat_map(paths);
            words.extend(paths.map(|path| (line.number, path)));
        }
    }
    words
}

/// The paths that a word stands for: without the punctuation and the line behind it, and one for each name in
/// braces.
fn paths(word: &str) -> Vec<String> {
    if word.contains("..") {
        return Vec::new();
    }
    let mut word = word.trim_end_matches([':', ',', ';', '.']);
    while let Some((path, number)) = word.rsplit_once(':') {
        if number.is_empty() || !number.chars().all(|digit| digit.is_ascii_digit()) {
            break;
        }
        word = path;
    }
    let braces = word.split_once('{').and_then(|(before, rest)| {
        let (names, behind) = rest.split_once('}')?;
        Some((before, names, behind))
    });
    let Some((before, names, behind)) = braces else {
        return vec![word.to_owned()];
    };
    let names = names.split(',');
    let expanded = names.flat_map(|name| paths(&format!("{before}{name}{behind}")));
    expanded.collect()
}

fn looks_like_path(root: &Path, word: &str, is_single: bool) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let is_odd = !word.chars().all(is_plain) || word.starts_with('/');
    if is_odd || NOT_OURS.contains(&word) {
        return false;
    }
    let has_extension = EXTENSIONS
        .iter()
        .any(|it| word.len() > it.len() && word.ends_with(it));
    let Some((first, _)) = word.split_once('/') else {
        return has_extension && is_single;
    };
    let is_known = ["", "nether/src"]
        .iter()
        .any(|it| !first.is_empty() && first != "target" && root.join(it).join(first).is_dir());
    has_extension || word.ends_with('/') || is_known
}

fn exists(root: &Path, document: &str, word: &str) -> bool {
    let own = folder(document);
    let mut folders = vec!["nether/src", own];
    while let Some((above, _)) = folders[folders.len() - 1].rsplit_once('/') {
        folders.push(above);
    }
    folders.push("");
    let is_module = !word.ends_with('/') && Path::new(word).extension().is_none();
    let is_there = |folder: &&str| {
        let path = root.join(folder).join(word);
        path.exists() || (is_module && path.with_extension("rs").is_file())
    };
    folders.iter().any(is_there) || (!word.contains('/') && is_below(root, own, word))
}

fn is_below(root: &Path, folder: &str, name: &str) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default();
    let files = files(root, folder, extension);
    files
        .iter()
        .any(|file| file.path.rsplit('/').next() == Some(name))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    fn tree(name: &str, page: &str) -> Small {
        Small::new(name)
            .write("ARCHITECTURE.md", page)
            .write("nether/src/context/mod.rs", "//! See `mod.rs`.")
            .write(
                "benches/README.md",
                "`Cargo.toml`, [the page](../ARCHITECTURE.md#layers)",
            )
            .write("benches/suite/Cargo.toml", "")
    }

    #[test]
    fn paths_that_exist_are_clean() {
        let page = "`context/mod.rs`, `context/`, `nether/src/context/mod.rs`, `benches/suite`, `/livez`, `a/b`,\n\
                    `context/mod`, `context/mod.rs:3`, `benches/{suite/,README.md}`, `{a}/{b}`, `context/..`,\n\
                    `cargo run --manifest-path benches/suite/Cargo.toml`, [here](benches/README.md)";
        assert_clean(&check(tree("paths-clean", page).root()));
    }

    #[test]
    fn a_stale_path_is_found_wherever_it_stands() {
        let stale = [
            "a\n`module/line.rs`",
            "a\n`context/old/`",
            "a\n`benches/old`",
            "a\n`context/old`",
            "a\n`context/mod/`",
            "a\n`context/mod.md`",
            "a\n`context/old.rs:`",
            "a\n`context/old.rs:12:3`",
            "a\n`context/{mod,old}.rs`",
            "a\n[here](old.md)",
            "a\n`cargo run --manifest-path benches/old/Cargo.toml`",
            "```sh\ncat benches/old/Cargo.toml # `old.rs`\n```",
        ];
        for (index, page) in stale.into_iter().enumerate() {
            let small = tree(&format!("paths-{index}"), page);
            assert_one(&check(small.root()), "ARCHITECTURE.md:2", "does not exist");
        }
    }

    #[test]
    fn a_stale_path_in_a_comment_is_found() {
        for (index, slashes) in ["///", "//"].into_iter().enumerate() {
            let text = format!("//! A.\n\n{slashes} See `old.rs`.\nfn a() {{}}");
            let small = tree(&format!("paths-comment-{index}"), "").write("nether/src/a.rs", &text);
            assert_one(
                &check(small.root()),
                "nether/src/a.rs:3",
                "`old.rs` does not exist",
            );
        }
    }
}
