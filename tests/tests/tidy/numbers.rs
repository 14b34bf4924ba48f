//! Layers have no numbers: their order is the `mod` list in `nether/src/lib.rs`, and a number would say it a
//! second time.

use std::path::Path;

use crate::document::Line;
use crate::finding::Finding;
use crate::lexer::lex;
use crate::pages::{attributes, comments, pages};
use crate::tree::files;

const HELP: &str = "say what the module is for; its place in the `mod` list of nether/src/lib.rs says how high it stands";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let documents = pages(root)
        .into_iter()
        .chain(attributes(root))
        .chain(comments(root));
    for document in documents {
        let is_counted = |line: &&Line| states_number(&line.text);
        let lines = document.prose().filter(is_counted);
        findings.extend(lines.map(|line| found(&document.path, line.number)));
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
        for comment in lex(&file.text).comments {
            let is_doc = comment.text.starts_with("///") || comment.text.starts_with("//!");
            if !is_doc && states_number(&comment.text) {
                findings.push(found(&file.path, comment.line));
            }
        }
    }
    findings
}

fn found(file: &str, line: usize) -> Finding {
    Finding::new(file, line, "a layer's number is stated", HELP)
}

/// Whether a digit stands right behind the word, in the singular or the plural.
fn states_number(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut behind = text.split("layer").skip(1);
    behind.any(|rest| {
        let rest = rest.strip_prefix('s').unwrap_or(rest).trim_start();
        rest.starts_with(|digit: char| digit.is_ascii_digit())
    })
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
        let small = small
            .write("nether/src/a.rs", "")
            .append("ARCHITECTURE.md", "| 7 | `module/` |\n");
        assert_one(&check(small.root()), "ARCHITECTURE.md:6", "number");
    }
}
