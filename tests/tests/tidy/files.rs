//! Files: each opens with what it holds, none is long, nothing in them is left undone.

use std::path::Path;

use crate::finding::Finding;
use crate::lexer::{Token, lex};
use crate::pages::SOURCES;
use crate::tree;

/// Lines of code, without comments and blanks. A file near it should be split.
const LONGEST: usize = 420;

/// Folders in which nothing may be left undone. Tests may say what is ignored, and why.
const FINISHED: [&str; 4] = [
    "nether/src/",
    "nether/adapters/",
    "nether-macros/src/",
    "examples/",
];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in SOURCES
        .iter()
        .flat_map(|folder| tree::files(root, folder, "rs"))
    {
        if !file.text.starts_with("//!") {
            let help =
                "begin with `//! ` and a sentence: what the file holds, and what it must not do";
            findings.push(Finding::new(
                &file.path,
                1,
                "the file does not open with `//!`",
                help,
            ));
        }
        let length = code_lines(&file.text);
        if length > LONGEST {
            let what = format!("the file has {length} lines of code, more than {LONGEST}");
            findings.push(Finding::new(
                &file.path,
                1,
                what,
                "split it by what it holds",
            ));
        }
        if FINISHED.iter().any(|folder| file.path.starts_with(folder)) {
            let tokens = lex(&file.text).tokens;
            let places = tokens
                .windows(3)
                .filter_map(|window| Some((undone(window)?, window[0].line)));
            findings.extend(places.map(|(mark, line)| {
                let what = format!("`{mark}` leaves something undone");
                Finding::new(&file.path, line, what, "finish it, or remove it")
            }));
        }
    }
    findings
}

fn code_lines(text: &str) -> usize {
    let lines = text.lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    code.count()
}

fn undone(window: &[Token]) -> Option<&'static str> {
    let is_macro = |name: &str| window[0].is_keyword(name) && window[1].is("!");
    if is_macro("todo") {
        Some("todo!")
    } else if is_macro("unimplemented") {
        Some("unimplemented!")
    } else if window[0].is("#") && window[1].is("[") && window[2].is_keyword("ignore") {
        Some("#[ignore]")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, check};
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    const FILE: &str = "nether/src/a.rs";

    #[test]
    fn a_file_without_a_heading_a_long_one_and_an_unfinished_one_are_found() {
        let text = format!("//! A.\n{}", "a();\n// B.\n\n".repeat(LONGEST));
        let small = Small::new("files").write(FILE, &text);
        assert_clean(&check(small.root()));
        let small = small.write(FILE, &format!("{text}a();\n"));
        assert_one(&check(small.root()), "nether/src/a.rs:1", "421 lines");
        let small = small.write(FILE, "fn a() {}\n");
        assert_one(&check(small.root()), "nether/src/a.rs:1", "`//!`");
        let small = small.write(FILE, "//! A `todo!()`.\nfn a() {\n    todo!()\n}\n");
        assert_one(&check(small.root()), "nether/src/a.rs:3", "`todo!`");
        let small = small.write(FILE, "//! A.\n#[ignore = \"b\"]\nfn a() {}\n");
        assert_one(&check(small.root()), "nether/src/a.rs:2", "`#[ignore]`");
    }
}
