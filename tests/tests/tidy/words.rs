//! Words that name no subject, or that the field does not use, in comments, documents, and the texts that
//! libraries print: how many there are is recorded, and only falls.

use std::path::Path;

use crate::finding::Finding;
use crate::lexer::{Kind, lex};
use crate::pages::{asides, attributes, comments, libraries, pages};

/// A subject that the reader has to guess, or a verb for which there is a plainer one.
const WORDS: [&str; 5] = ["whoever", "nobody", "somebody", "told", "fell"];

/// The most uses of these words that there may be. The number only falls: a change that removes some lowers
/// it.
pub(crate) const MOST: usize = 0;

const HELP: &str = "name who acts; write \"report\", \"notify\" or \"return\" for \"tell\", and \"crashed\" for \"fell\"";

pub(crate) fn check(root: &Path, most: usize) -> Vec<Finding> {
    let sources = libraries(root);
    let documents = pages(root).into_iter().chain(attributes(root));
    let mut places: Vec<(String, usize, usize)> = Vec::new();
    for document in documents.chain(comments(root)).chain(asides(root)) {
        let counted = document
            .prose()
            .map(|line| (line.number, count(&line.text)));
        let counted = counted.filter(|(_, count)| *count > 0);
        places.extend(counted.map(|(line, count)| (document.path.clone(), line, count)));
    }
    for file in &sources {
        let tokens = lex(&file.text).tokens.into_iter();
        let texts = tokens.filter(|token| token.kind == Kind::Text);
        let counted = texts.map(|text| (text.line, count(&text.text)));
        let counted = counted.filter(|(_, count)| *count > 0);
        places.extend(counted.map(|(line, count)| (file.path.clone(), line, count)));
    }
    let all: usize = places.iter().map(|(_, _, count)| count).sum();
    if all <= most {
        return Vec::new();
    }
    let what = format!(
        "one of {all} uses of {} in comments, documents and texts, of which there may be {most}",
        WORDS.map(|word| format!("\"{word}\"")).join(", ")
    );
    let places = places.into_iter();
    places
        .map(|(file, line, _)| Finding::new(file, line, what.as_str(), HELP))
        .collect()
}

/// How many of the words the text has. A name in code, such as that of a test, is one word.
fn count(text: &str) -> usize {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter));
    words
        .filter(|word| WORDS.iter().any(|it| word.eq_ignore_ascii_case(it)))
        .count()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    #[test]
    fn one_use_above_the_recorded_number_is_found_wherever_it_stands() {
        for (path, text) in [
            ("README.md", "Whoever.\n"),
            ("nether/src/docs/a.md", "nobody\n"),
            ("nether/src/a.rs", "//! They are told.\n"),
            ("nether-macros/src/a.rs", "// It fell.\n"),
            ("nether/adapters/a/src/a.rs", "fn a() {} // (somebody)\n"),
            ("nether/src/b.rs", "fn b() { panic!(\"nobody\") }\n"),
            ("tests/src/a.rs", "//! Nobody.\n"),
        ] {
            let small = Small::new("words").write(path, text);
            assert_clean(&check(small.root(), 1));
            assert_one(
                &check(small.root(), 0),
                &format!("{path}:1"),
                "one of 1 uses",
            );
        }
        let small = Small::new("words-twice").write("README.md", "Told, told.\n");
        assert_clean(&check(small.root(), 2));
        assert_one(&check(small.root(), 1), "README.md:1", "there may be 1");
    }

    #[test]
    fn names_and_code_of_pages_are_no_uses() {
        let page = "`a::it_is_told` fellow\n```\nnobody\n```\n";
        let source = "//! A.\nfn told() {}\n";
        let small = Small::new("words-in-code")
            .write("README.md", page)
            .write("nether/src/a.rs", source);
        assert_clean(&check(small.root(), 0));
    }
}
