//! Cargo features that documents name: the crate that they are about has each of them.
//!
//! A feature is named in the list of a dependency, in a `cfg`, behind `--features` in a command, in the first
//! column of a table whose head begins with `feature`, or as inline code beside that word. It is one of the
//! package that the dependency or the command names; or else of `nether`, or of the package that the document
//! is in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::document::{Document, quoted};
use crate::features::of_manifest;
use crate::finding::Finding;
use crate::pages::{attributes, comments, pages};
use crate::tree::files;

/// A place that names a feature.
struct Flag {
    line: usize,
    /// As a dependency or a command names it.
    package: Option<String>,
    feature: String,
}

/// A package of the repository.
struct Package {
    name: String,
    folder: String,
    features: BTreeSet<String>,
}

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let packages = packages(root);
    let documents = [pages(root), attributes(root), comments(root)];
    let mut findings = Vec::new();
    for document in documents.iter().flatten() {
        let flags = [listed(document), spoken(document), tabled(document)];
        let unknown = flags.into_iter().flatten().filter(|flag| {
            let is_about = |package: &&Package| match &flag.package {
                Some(name) => package.name == *name,
                None => package.name == "nether" || document.path.starts_with(&package.folder),
            };
            let mut about = packages.iter().filter(is_about).peekable();
            about.peek().is_some() && !about.any(|it| it.features.contains(&flag.feature))
        });
        // A line may name a feature in two ways.
        let unknown = unknown.map(|flag| ((flag.line, flag.feature), flag.package));
        let unknown: BTreeMap<(usize, String), Option<String>> = unknown.collect();
        findings.extend(unknown.into_iter().map(|((line, feature), package)| {
            let package = package.as_deref().unwrap_or("nether");
            let what = format!("`{package}` has no feature `{feature}`");
            Finding::new(&document.path, line, what, "name it as its manifest does")
        }));
    }
    findings
}

fn packages(root: &Path) -> Vec<Package> {
    let manifests = files(root, "", "toml").into_iter();
    let manifests = manifests.filter_map(|file| {
        let folder = file.path.strip_suffix("Cargo.toml")?.to_owned();
        let name = file.text.split("\nname = \"").nth(1)?;
        let name = name.split('"').next().unwrap_or_default().to_owned();
        let mut features: BTreeSet<String> = of_manifest(&file.text).into_keys().collect();
        features.insert("default".to_owned());
        Some(Package {
            name,
            folder,
            features,
        })
    });
    manifests.collect()
}

/// In the list of a dependency, in a `cfg`, and behind `--features` in a command.
fn listed(document: &Document) -> Vec<Flag> {
    let lines: Vec<&str> = document.lines.iter().map(|it| it.text.as_str()).collect();
    let text = lines.join("\n");
    let mut flags = Vec::new();
    let mut add = |at: usize, package: Option<&str>, features: &str| {
        let line = document.lines[text[..at].matches('\n').count()].number;
        for word in features.split([',', ' ', '\n']) {
            let word = word.trim_matches('"');
            let (package, feature) = match word.split_once('/') {
                Some((package, feature)) => (Some(package), feature),
                None => (package, word),
            };
            if is_name(feature) {
                flags.push(Flag {
                    line,
                    package: package.map(str::to_owned),
                    feature: feature.to_owned(),
                });
            }
        }
    };
    for (at, found) in text.match_indices("features = [") {
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let package = before.rsplit_once(" = {").map(|(before, _)| before);
        let package = package.and_then(|before| before.rsplit([' ', '`', '.']).next());
        let behind = &text[at + found.len()..];
        add(at, package, behind.split(']').next().unwrap_or_default());
    }
    for (at, found) in text.match_indices("(feature = \"") {
        let behind = &text[at + found.len()..];
        add(at, None, behind.split('"').next().unwrap_or_default());
    }
    for (at, found) in text.match_indices("--features") {
        let behind = text[at + found.len()..].trim_start_matches([' ', '\n', '=']);
        let features = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => behind.split([' ', '\n', '`']).next(),
        };
        let begin = text[..at].rfind(['`', '\n']).map_or(0, |begin| begin + 1);
        let command = text[begin..].split(['`', '\n']).next().unwrap_or_default();
        let package = command.split(" -p ").nth(1);
        let package = package.and_then(|behind| behind.split(' ').next());
        add(at, package, features.unwrap_or_default());
    }
    flags
}

/// In a sentence, before or behind the word; of a list behind the word, each.
fn spoken(document: &Document) -> Vec<Flag> {
    let mut flags = Vec::new();
    let lines: Vec<(usize, &str)> = document
        .prose()
        .map(|line| (line.number, line.text.trim()))
        .collect();
    for paragraph in lines.split(|(_, text)| text.is_empty()) {
        let texts: Vec<&str> = paragraph.iter().map(|(_, text)| *text).collect();
        let text = texts.join("\n");
        let pieces: Vec<&str> = text.split('`').collect();
        let (mut at, mut was_feature) = (0, false);
        for (index, piece) in pieces.iter().enumerate() {
            if index % 2 == 1 {
                let before = pieces[index - 1].replace('\n', " ").to_lowercase();
                let word = before.trim_end_matches([' ', ':', '(', '[', '*']);
                let behind = pieces.get(index + 1).copied().unwrap_or_default();
                let is_next = matches!(before.as_str(), ", " | " and " | " or " | ", and ");
                let is_before = word.ends_with("feature") || word.ends_with("features");
                let is_behind = behind
                    .replace('\n', " ")
                    .split(&[' ', '.', ',', ')'][..])
                    .nth(1)
                    == Some("feature");
                was_feature = is_before || is_behind || (is_next && was_feature);
                if was_feature && is_name(piece) {
                    flags.push(Flag {
                        line: paragraph[text[..at].matches('\n').count()].0,
                        package: None,
                        feature: (*piece).to_owned(),
                    });
                }
            }
            at += piece.len() + 1;
        }
    }
    flags
}

fn tabled(document: &Document) -> Vec<Flag> {
    let mut is_inside = false;
    let mut flags = Vec::new();
    for line in document.prose() {
        is_inside =
            line.text.starts_with("| feature |") || (is_inside && line.text.starts_with('|'));
        let cell = line.text.split('|').nth(1).unwrap_or_default();
        flags.extend(quoted(cell).filter(|_| is_inside).map(|name| Flag {
            line: line.number,
            package: None,
            feature: name.to_owned(),
        }));
    }
    flags
}

fn is_name(word: &str) -> bool {
    let is_letter = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-_".contains(it);
    word.starts_with(|it: char| it.is_ascii_lowercase()) && word.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    fn tree(name: &str, page: &str) -> Small {
        let manifest = "[package]\nname = \"nether\"\n[features]\nhttp = []\nlog = []\n";
        Small::new(name)
            .write("nether/Cargo.toml", manifest)
            .write(
                "benches/suite/Cargo.toml",
                "[package]\nname = \"suite\"\n[features]\npeers = []\n",
            )
            .write("benches/suite/src/main.rs", "//! The feature `peers`.")
            .write("README.md", page)
    }

    #[test]
    fn features_that_there_are_are_clean() {
        let page = "The features `http` and `log`, the `http` feature: `nether = { features = [\"http\"] }`,\n\
                    `cargo test -p suite --features peers`, `tokio = { features = [\"rt\"] }`, feature\n\
                    `log`, `--features\nhttp`, `--all-features`.\n\n| feature |\n|---|\n| `log` |\n\n\
                    ```sh\ncargo test --features \"http log\" -p nether --features=nether/http,log\n```\n";
        assert_clean(&check(tree("flags-clean", page).root()));
    }

    #[test]
    fn a_feature_that_is_gone_is_found_wherever_it_is_named() {
        let ways = [
            "a\nthe feature `grpc`",
            "a feature\n`grpc`",
            "the features `http` and\n`grpc`",
            "a\nthe `grpc` feature",
            "a\nFeatures: `grpc`",
            "a\n`nether = { version = \"1\", features = [\"log\", \"grpc\"] }`",
            "[dependencies.nether]\nfeatures = [\"grpc\"]",
            "```toml\nnether = { features = [\"grpc\"] }\n```",
            "```sh\ncargo test --features http,grpc\n```",
            "a\n`cargo test -p nether --features grpc`",
            "```\n# #[cfg(feature = \"grpc\")]\n```",
            "| feature |\n| `grpc` |",
        ];
        for (index, page) in ways.into_iter().enumerate() {
            let small = tree(&format!("flags-{index}"), page);
            assert_one(&check(small.root()), "README.md:2", "no feature `grpc`");
        }
        let small = tree("flags-other", "`cargo test -p suite --features http`");
        assert_one(
            &check(small.root()),
            "README.md:1",
            "`suite` has no feature",
        );
        let small =
            tree("flags-comment", "").write("nether/src/a.rs", "//! A.\n/// Feature `grpc`.");
        assert_one(&check(small.root()), "nether/src/a.rs:2", "`grpc`");
    }
}
