//! Error types: the documents name none that does not exist, and the manual's page of errors lists every
//! public one.

use std::collections::BTreeMap;
use std::path::Path;

use crate::finding::Finding;
use crate::items;
use crate::lexer::lex;
use crate::pages::{attributes, comments, pages};
use crate::tree::{File, files};
use crate::types::defined;

/// Where public errors are re-exported.
const ROOTS: [&str; 3] = [
    "nether/src/lib.rs",
    "nether/src/eventstore/mod.rs",
    "nether/src/http/mod.rs",
];

/// Where they are listed.
const LIST: &str = "nether/src/docs/errors.md";

/// Errors of other crates, and of examples.
const OTHERS: [&str; 0] = [];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = named(root);
    let errors = public(root);
    let listed = File::read(root, LIST).map_or_else(String::new, |file| file.text);
    for (error, (file, line)) in errors {
        let forms = [
            format!("`{error}`"),
            format!("`{error}<"),
            format!("::{error}`"),
        ];
        if !forms.iter().any(|form| listed.contains(form)) {
            let what = format!("the error `{error}` is not listed in {LIST}");
            let help = "say there which call returns it, and what to do about it";
            findings.push(Finding::new(file, line, what, help));
        }
    }
    findings
}

/// Types whose name ends in `Error`, in the documents.
fn named(root: &Path) -> Vec<Finding> {
    let defined = defined(root);
    let documents = pages(root)
        .into_iter()
        .chain(attributes(root))
        .chain(comments(root));
    let ours =
        documents.filter(|it| !it.path.starts_with("tests/") && !it.path.starts_with("examples/"));
    let mut findings = Vec::new();
    for document in ours {
        for span in document.spans() {
            let words = span
                .text
                .split(|it: char| !it.is_alphanumeric() && it != '_' && it != ':');
            for word in words.filter(|word| word.ends_with("Error")) {
                let name = word.rsplit("::").next().unwrap_or_default();
                let is_path = word.contains("::") && !word.starts_with("nether::");
                if !is_path && !defined.contains(name) && !OTHERS.contains(&name) {
                    findings.push(Finding::new(
                        &document.path,
                        span.line,
                        format!("no error is called `{name}`"),
                        "name it as it is called now; if it is not ours, list it in `OTHERS` of tidy's `errors.rs`",
                    ));
                }
            }
        }
    }
    findings
}

/// The public error types, with the place of their definition: those whose name says so, and those that
/// implement `Error`.
fn public(root: &Path) -> BTreeMap<String, (String, usize)> {
    let roots = ROOTS.iter().filter_map(|path| File::read(root, path));
    let exported = roots.flat_map(|file| items::parse(&lex(&file.text).tokens).imports);
    let exported: Vec<String> = exported
        .filter(|import| import.is_public)
        .map(|import| import.alias)
        .collect();
    let mut errors = BTreeMap::new();
    for file in files(root, "nether/src", "rs") {
        let tokens = lex(&file.text).tokens;
        for window in tokens.windows(3) {
            let [first, second, third] = window else {
                continue;
            };
            let is_definition = first.is_keyword("struct") || first.is_keyword("enum");
            let is_named = is_definition && second.is_word() && second.text.ends_with("Error");
            let is_error = first.is_keyword("Error") || first.is_keyword("StdError");
            let name = if is_named {
                second
            } else if is_error && second.is_keyword("for") && third.is_word() {
                third
            } else {
                continue;
            };
            if exported.contains(&name.text) {
                let place = (file.path.clone(), name.line);
                errors.entry(name.text.clone()).or_insert(place);
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::{LIST, check};
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    fn tree(name: &str) -> Small {
        let lib = "mod error;\npub use self::error::{CallError, Refused};\n";
        let error = "pub enum CallError {}\nstruct Refused;\nimpl std::error::Error for Refused {}\nstruct OwnError;\n";
        Small::new(name)
            .write("nether/src/lib.rs", lib)
            .write("nether/src/error.rs", error)
            .write(
                LIST,
                "`call` fails with [`CallError`], or with [`Refused`].\n",
            )
            .write(
                "README.md",
                "`CallError::Full`, `std::io::Error`, `nether::CallError`\n",
            )
    }

    #[test]
    fn errors_that_are_listed_are_clean() {
        assert_clean(&check(tree("errors-clean").root()));
    }

    #[test]
    fn an_error_that_is_not_listed_or_does_not_exist_is_found() {
        let small = tree("errors-listed").replace(LIST, ", or with [`Refused`]", "");
        assert_one(
            &check(small.root()),
            "nether/src/error.rs:3",
            "`Refused` is not listed",
        );
        let small = tree("errors-named").append("README.md", "`nether::OldError`\n");
        assert_one(
            &check(small.root()),
            "README.md:2",
            "no error is called `OldError`",
        );
    }
}
