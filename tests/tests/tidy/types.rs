//! Types in ARCHITECTURE.md and in the glossary: each is defined in the runtime or in the macros.

use std::collections::BTreeSet;
use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::lexer::{Token, lex};
use crate::tree::{File, files};

const PAGES: [&str; 2] = ["ARCHITECTURE.md", "nether/src/docs/glossary.md"];

/// Types of the standard library, of tokio, and of the pages' own examples.
const OTHERS: [&str; 9] = [
    "Arc", "Box", "Drop", "Mutex", "Self", "Send", "SeqCst", "Unpin", "Vec",
];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let defined = defined(root);
    let pages = PAGES.iter().filter_map(|page| File::read(root, page));
    pages.flat_map(|page| undefined(&page, &defined)).collect()
}

/// The types that a page names and nothing defines.
fn undefined(page: &File, defined: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for span in Document::page(page).spans() {
        // A path to a file is no type.
        for name in span
            .text
            .split(|it: char| !it.is_alphanumeric() && !"_/.-".contains(it))
        {
            let is_known = defined.contains(name) || OTHERS.contains(&name);
            if is_camel_case(name) && !is_known {
                findings.push(Finding::new(
                    &page.path,
                    span.line,
                    format!("no type is called `{name}`"),
                    "name it as it is called now; if it is one of std or tokio, list it in `OTHERS` of tidy's `types.rs`",
                ));
            }
        }
    }
    findings
}

fn is_camel_case(name: &str) -> bool {
    let is_plain = name.chars().all(char::is_alphanumeric);
    is_plain && name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// Types, traits, their associated types and the variants of enums.
pub(crate) fn defined(root: &Path) -> BTreeSet<String> {
    let folders = ["nether/src", "nether-macros/src"];
    let files = folders.iter().flat_map(|folder| files(root, folder, "rs"));
    let mut names = BTreeSet::new();
    for file in files {
        collect(&lex(&file.text).tokens, &mut names);
    }
    names
}

fn collect(tokens: &[Token], names: &mut BTreeSet<String>) {
    for (at, token) in tokens.iter().enumerate() {
        let keywords = ["struct", "enum", "union", "trait", "type"];
        let is_definition = keywords.iter().any(|keyword| token.is_keyword(keyword));
        let Some(name) = tokens
            .get(at + 1)
            .filter(|it| is_definition && it.is_word())
        else {
            continue;
        };
        names.insert(name.text.clone());
        if token.is_keyword("enum") {
            variants(&tokens[at + 2..], names);
        }
    }
}

fn variants(tokens: &[Token], names: &mut BTreeSet<String>) {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") || token.is("(") || token.is("[") {
            depth += 1;
        } else if token.is("}") || token.is(")") || token.is("]") {
            depth -= 1;
            if depth == 0 && token.is("}") {
                return;
            }
        } else if depth == 1 && token.is_word() {
            let before = &tokens[at - 1];
            if before.is("{") || before.is(",") || before.is("]") {
                names.insert(token.text.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    #[test]
    fn a_type_that_is_not_defined_is_found() {
        let source =
            "enum A { Bc(Gone), #[x] De { f: u8 } }\ntrait Gh { type Ij; }\nstruct Kl<T>(T);";
        let page = "`A::Bc`, `De { f }`, `Gh::Ij`, `Kl<..>`, `Cargo.toml`, `DESCRIPTOR`, Prose\n";
        let small = Small::new("types")
            .write("nether/src/a.rs", source)
            .write("ARCHITECTURE.md", page);
        assert_clean(&check(small.root()));
        let small = small.append("ARCHITECTURE.md", "`Gh::Gone`\n");
        assert_one(&check(small.root()), "ARCHITECTURE.md:2", "`Gone`");
    }

    #[test]
    fn a_type_of_the_glossary_that_was_renamed_is_found() {
        let small = Small::new("types-glossary")
            .write("nether/src/context.rs", "pub struct Context;\n")
            .write(
                "nether/src/docs/glossary.md",
                "| word | where |\n|---|---|\n| context | [`Context`](crate::Context) |\n",
            );
        assert_clean(&check(small.root()));
        let small = small.replace("nether/src/context.rs", "struct Context", "struct Session");
        assert_one(
            &check(small.root()),
            "nether/src/docs/glossary.md:3",
            "`Context`",
        );
    }
}
