//! Cargo features: the table in the crate's documentation and the changelog list exactly those of the
//! manifest.

use std::collections::BTreeMap;
use std::path::Path;

use crate::document::{Document, quoted};
use crate::finding::Finding;
use crate::tree::File;

const MANIFEST: &str = "nether/Cargo.toml";
const ROOT: &str = "nether/src/lib.rs";
const HEADING: &str = "# Feature flags";
const CHANGELOG: &str = "CHANGELOG.md";
const ENTRY: &str = "- **Features.**";

/// Each feature, with the line that names it and whether it is on by default.
pub(crate) type Features = BTreeMap<String, (usize, bool)>;

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let files = [MANIFEST, ROOT, CHANGELOG].map(|path| File::read(root, path));
    let [Some(manifest), Some(lib), Some(changelog)] = files else {
        return Vec::new();
    };
    let features = of_manifest(&manifest.text);
    let mut findings = Vec::new();
    let table = of_table(&Document::comments(&lib));
    let place = format!("the table of features in {ROOT}");
    compare(&features, &table, (ROOT, &place), &mut findings);
    for (feature, (line, is_default)) in &table {
        if features
            .get(feature)
            .is_some_and(|(_, it)| it != is_default)
        {
            let what = format!("the table is wrong about the default of the feature `{feature}`");
            let help = format!("it is on by default if `default` in {MANIFEST} lists it");
            findings.push(Finding::new(ROOT, *line, what, help));
        }
    }
    let listed = of_changelog(&Document::page(&changelog));
    let place = format!("the entry of {CHANGELOG} that begins with `{ENTRY}`");
    compare(&features, &listed, (CHANGELOG, &place), &mut findings);
    findings
}

fn compare(
    features: &Features,
    listed: &Features,
    (file, place): (&str, &str),
    findings: &mut Vec<Finding>,
) {
    for (feature, (line, _)) in features.iter().filter(|(it, _)| !listed.contains_key(*it)) {
        let what = format!("the feature `{feature}` is missing in {place}");
        let help = format!("say in {file} what it does");
        findings.push(Finding::new(MANIFEST, *line, what, help));
    }
    for (feature, (line, _)) in listed.iter().filter(|(it, _)| !features.contains_key(*it)) {
        let what = format!("{place} names the feature `{feature}`, which {MANIFEST} does not have");
        findings.push(Finding::new(file, *line, what, "remove it"));
    }
}

/// Those of a manifest, without `default`.
pub(crate) fn of_manifest(text: &str) -> Features {
    let lines = text.lines().enumerate();
    let behind = lines.skip_while(|(_, line)| *line != "[features]").skip(1);
    let section = behind.take_while(|(_, line)| !line.starts_with('['));
    let section: Vec<(usize, &str)> = section.collect();
    let is_key = |line: &str| line.starts_with(|first: char| first.is_ascii_lowercase());
    let entries = section.iter().filter_map(|(index, line)| {
        let (name, _) = line.split_once('=').filter(|_| is_key(line))?;
        Some((name.trim(), index + 1))
    });
    let entries: Vec<(&str, usize)> = entries.collect();
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let lines = section.iter().map(|(_, line)| *line);
    let from = lines.skip_while(|line| name(line) != "default");
    let is_inside = |line: &&str| !is_key(line) || name(line) == "default";
    let without_comment = |line: &str| line.split('#').next().unwrap_or_default().to_owned();
    let default: String = from.take_while(is_inside).map(without_comment).collect();
    let is_default = |name: &str| default.contains(&format!("\"{name}\""));
    let features = entries.into_iter().filter(|(name, _)| *name != "default");
    let features = features.map(|(name, line)| (name.to_owned(), (line, is_default(name))));
    features.collect()
}

/// The rows of the table: a feature, and `yes` or `no`.
fn of_table(document: &Document) -> Features {
    let rows = document.section(HEADING).into_iter().filter_map(|line| {
        let mut cells = line.text.strip_prefix('|')?.split('|');
        let feature = quoted(cells.next()?).next()?.to_owned();
        Some((feature, (line.number, cells.next()?.trim() == "yes")))
    });
    rows.collect()
}

fn of_changelog(page: &Document) -> Features {
    let begins = |text: &str| text.starts_with(ENTRY);
    let lines = page.lines.iter().skip_while(|line| !begins(&line.text));
    let is_inside = |line: &str| begins(line) || line.starts_with("  ");
    let entry = lines.take_while(|line| is_inside(&line.text));
    let names = entry.flat_map(|line| quoted(&line.text).map(|it| (it.to_owned(), line.number)));
    let names =
        names.filter(|(name, _)| name.chars().all(|it| it.is_ascii_lowercase() || it == '-'));
    names.map(|(name, line)| (name, (line, false))).collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    fn tree(name: &str) -> Small {
        let manifest = "[package]\nname = \"nether\"\n\n[features]\ndefault = [\"a\"]\na = [\n    \"dep:x\",\n]\nb-c = []\n\n[lib]\n";
        let lib = "//! # Feature flags\n//!\n//! | feature | default | what |\n//! |---|---|---|\n//! | `a` | yes | .. |\n//! | `b-c` | no | `d` |\n";
        Small::new(name)
            .write("nether/Cargo.toml", manifest)
            .write("nether/src/lib.rs", lib)
            .write(
                "CHANGELOG.md",
                "# A\n\n- **Features.** `a` (default)\n  and `b-c`.\n- `e`\n",
            )
    }

    #[test]
    fn features_that_are_listed_twice_are_clean() {
        assert_clean(&check(tree("features-clean").root()));
    }

    #[test]
    fn a_missing_feature_is_found() {
        let small = tree("features-changelog").replace("CHANGELOG.md", " and `b-c`", "");
        assert_one(
            &check(small.root()),
            "nether/Cargo.toml:9",
            "`b-c` is missing in the entry",
        );
        let small =
            tree("features-table").replace("nether/src/lib.rs", "//! | `a` | yes | .. |\n", "");
        assert_one(
            &check(small.root()),
            "nether/Cargo.toml:6",
            "`a` is missing in the table",
        );
    }

    #[test]
    fn a_feature_that_is_gone_and_a_wrong_default_are_found() {
        let small = tree("features-gone").replace("nether/Cargo.toml", "b-c = []\n", "");
        assert_eq!(check(small.root()).len(), 2);
        let small = tree("features-default").replace("nether/Cargo.toml", "[\"a\"]", "[]");
        assert_one(&check(small.root()), "nether/src/lib.rs:5", "default");
        let lines = "[\n    # Not \"a\".\n    \"b-c\",\n]";
        let small = tree("features-lines")
            .replace("nether/Cargo.toml", "[\"a\"]", lines)
            .replace("nether/src/lib.rs", "| yes |", "| no |");
        assert_one(&check(small.root()), "nether/src/lib.rs:6", "default");
    }
}
