//! Layers have no numbers: their order is the `mod` list in `nether/src/lib.rs`, and a number would say it a
//! second time.

use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::pages::{attributes, comments, pages};
use crate::tree::files;

const HELP: &str = "say what the module is for; its place in the `mod` list of nether/src/lib.rs says how high it stands";

const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let documents = pages(root)
        .into_iter()
        .chain(attributes(root))
        .chain(comments(root));
    for document in documents {
        stated(&document, &mut findings);
        let rows = document
            .prose()
            .skip_while(|line| !line.text.starts_with("| layer |"));
        let rows = rows.take_while(|line| line.text.starts_with('|'));
        let numbered = rows.filter(|line| {
            let first = line.text.split('|').nth(1).unwrap_or_default().trim();
            !first.is_empty() && first.chars().all(|digit| digit.is_ascii_digit())
        });
        findings.extend(numbered.map(|line| found(&document.path, line.number)));
    }
    // Other comments.
    for file in files(root, "nether/src", "rs") {
        stated(&Document::asides(&file), &mut findings);
    }
    findings
}

/// The lines of prose that state a number, also together with the end of the line above.
fn stated(document: &Document, findings: &mut Vec<Finding>) {
    let mut before = "";
    for line in document.prose() {
        if states_number(&format!("{before} {}", line.text)) {
            findings.push(found(&document.path, line.number));
        }
        before = line.text.rsplit(' ').next().unwrap_or_default();
    }
}

fn found(file: &str, line: usize) -> Finding {
    Finding::new(file, line, "a layer's number is stated", HELP)
}

/// Whether a digit stands right behind the word, in the singular or the plural, or an ordinal before it.
fn states_number(text: &str) -> bool {
    let text = text.to_lowercase();
    let pieces: Vec<&str> = text.split("layer").collect();
    pieces.windows(2).any(|around| {
        let before = around[0].trim_end_matches([' ', '-', '`', '*']);
        let before = before.rsplit(|it: char| !it.is_alphanumeric()).next();
        let behind = around[1].strip_prefix('s').unwrap_or(around[1]);
        let behind = behind.trim_start_matches([' ', ':', '-', '#', '`', '*', '(']);
        before.is_some_and(is_ordinal) || behind.starts_with(|it: char| it.is_ascii_digit())
    })
}

fn is_ordinal(word: &str) -> bool {
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
    ORDINALS.contains(&word)
        || (is_number && matches!(&word[digits.len()..], "st" | "nd" | "rd" | "th"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    #[test]
    fn a_number_is_found_in_a_comment_and_in_a_page() {
        let small = Small::new("numbers")
            .write(
                "ARCHITECTURE.md",
                "A layer above.\n\n| layer | files |\n|---|---|\n| low | 1 |\n",
            )
            .write("nether/src/a.rs", "//! Above a layer, 3 files.\n");
        assert_clean(&check(small.root()));
        let small = small.append("nether/src/a.rs", "// Layer 11. An aside.\n");
        assert_one(&check(small.root()), "nether/src/a.rs:2", "number");
        let small = small.write("nether/src/a.rs", "//! Layer 7: modules.\n");
        assert_one(&check(small.root()), "nether/src/a.rs:1", "number");
        for words in [
            "The third layer.",
            "The third\n//! layer.",
            "The 3rd layer.",
            "The third-layer modules.",
            "Layer: 3",
            "In layer-7.",
            "Layers #2 and above",
            "In layer\n//! 3.",
        ] {
            let text = format!("//! {words}\n");
            let line = text.lines().count();
            let small = Small::new("numbers-ways").write("nether/src/a.rs", &text);
            let place = format!("nether/src/a.rs:{line}");
            assert_one(&check(small.root()), &place, "number");
        }
        let small = small
            .write("nether/src/a.rs", "")
            .append("ARCHITECTURE.md", "| 7 | `module/` |\n");
        assert_one(&check(small.root()), "ARCHITECTURE.md:6", "number");
    }
}
