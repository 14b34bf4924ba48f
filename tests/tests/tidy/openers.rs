//! Openers: a paragraph of a doc comment opens with a noun or a verb, so that its first sentence stands alone
//! in a list of items.

use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::pages::libraries;

/// Words behind which the subject has yet to come, or which point to the item above.
const OPENERS: [&str; 6] = ["Of", "That", "Whoever", "Who", "What is", "The same"];

const HELP: &str = "begin with the item that it is about, as in \"The state of the module\" or \"Returns the state\"";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in libraries(root) {
        let document = Document::comments(&file);
        let mut is_first = true;
        for line in &document.lines {
            if let Some(opener) = opener(&line.text).filter(|_| is_first && !line.is_code) {
                let what = format!("a doc comment opens with \"{opener}\"");
                findings.push(Finding::new(&file.path, line.number, what, HELP));
            }
            is_first = line.text.trim().is_empty();
        }
    }
    findings
}

/// The opener with which the text begins, as a whole word.
fn opener(text: &str) -> Option<&'static str> {
    let opens = |opener: &&&str| {
        let rest = text.trim_start().strip_prefix(**opener);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    OPENERS.iter().find(opens).copied()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    const FOLDERS: [&str; 3] = [
        "nether/src",
        "nether-macros/src/module",
        "nether/adapters/a/src",
    ];

    #[test]
    fn each_opener_is_found_in_each_library() {
        let openers = ["Of", "That", "Whoever", "Who", "What is", "The same"];
        for folder in FOLDERS {
            for opener in openers {
                let path = format!("{folder}/a.rs");
                let text = format!("//! A.\n\n/// {opener} it.\nfn a() {{}}\n");
                let small = Small::new("opener").write(&path, &text);
                let quoted = format!("\"{opener}\"");
                assert_one(&check(small.root()), &format!("{path}:3"), &quoted);
            }
        }
    }

    #[test]
    fn the_first_line_of_a_file_and_of_a_paragraph_are_openings() {
        let small = Small::new("opener-file").write("nether/src/a.rs", "//! Who it is.\n");
        assert_one(&check(small.root()), "nether/src/a.rs:1", "\"Who\"");
        let text = "//! A.\n//!\n//! The same, again.\n";
        let small = Small::new("opener-paragraph").write("nether/src/a.rs", text);
        assert_one(&check(small.root()), "nether/src/a.rs:3", "\"The same\"");
        let text = "struct A {\n    /// The first.\n    a: u8,\n    /// Of it.\n    b: u8,\n}\n";
        let small = Small::new("opener-field").write("nether/src/a.rs", text);
        assert_one(&check(small.root()), "nether/src/a.rs:4", "\"Of\"");
    }

    #[test]
    fn other_words_lines_and_comments_are_no_openings() {
        let text = "//! Often a file,\n//! That goes on. The same.\n\n/// Whole. Whose? What it is.\n\
                    fn a() {\n    // Of it.\n    let _ = \"/// Of it.\";\n}\n\n\
                    /// ```text\n///\n/// Of it.\n/// ```\nfn b() {}\n";
        let small = Small::new("openers")
            .write("nether/src/a.rs", text)
            .write("tests/src/a.rs", "//! Of it.\n");
        assert_clean(&check(small.root()));
    }
}
