//! Keys of attributes: the documents name exactly those that the macros accept.
//!
//! The accepted keys are read from the `Key` tables of the macros. The page of an attribute in
//! `nether/src/docs` lists them in a table, in its grammar, or in both. The changelog lists them behind the
//! attribute, after the word `with` or in parentheses. Wherever a page shows an attribute with arguments,
//! their keys exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::grammars::{self, Keys, is_refused};
use crate::lexer::{Token, lex};
use crate::listings::{of_grammar, of_sentences, of_table};
use crate::pages::{attributes, pages};
use crate::tree::File;

const CHANGELOG: &str = "CHANGELOG.md";

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let (keys, mut findings) = grammars::read(root);
    for document in attributes(root) {
        let name = document.path.rsplit('/').next().unwrap_or_default();
        if let Some((attribute, keys)) = keys.get_key_value(name.trim_end_matches(".md")) {
            described(&document, attribute, keys, &mut findings);
        }
    }
    if let Some(file) = File::read(root, CHANGELOG) {
        told(&Document::page(&file), &keys, &mut findings);
    }
    for document in pages(root).into_iter().chain(attributes(root)) {
        shown(&document, &keys, &mut findings);
    }
    findings
}

/// The page of an attribute has exactly its keys, in each of the places where it lists them.
fn described(
    document: &Document,
    attribute: &str,
    keys: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) {
    let needed: BTreeSet<&str> = keys
        .iter()
        .map(String::as_str)
        .filter(|key| !is_refused(attribute, key))
        .collect();
    for (place, listed) in [
        ("table of keys", of_table(document)),
        ("grammar", of_grammar(document)),
    ] {
        let Some(first) = listed.first().map(|(_, line)| *line) else {
            continue;
        };
        let named: BTreeSet<&str> = listed.iter().map(|(key, _)| key.as_str()).collect();
        for key in needed.difference(&named) {
            let what = format!("the {place} lacks the key `{key}` of `#[{attribute}]`");
            findings.push(Finding::new(&document.path, first, what, "add it"));
        }
        for (key, line) in listed
            .iter()
            .filter(|(key, _)| !needed.contains(key.as_str()))
        {
            let what =
                format!("the {place} has the key `{key}`, which `#[{attribute}]` does not accept");
            findings.push(Finding::new(&document.path, *line, what, "remove it"));
        }
    }
    if of_table(document).is_empty() && of_grammar(document).is_empty() {
        let what = format!("nothing lists the keys of `#[{attribute}]`");
        let help = "add a table whose head is `| key | what it says |`";
        findings.push(Finding::new(&document.path, 1, what, help));
    }
}

/// The changelog has a list of the keys of each attribute.
fn told(page: &Document, keys: &Keys, findings: &mut Vec<Finding>) {
    let mut before = BTreeSet::new();
    let lists = of_sentences(page)
        .into_iter()
        .map(|(attribute, line, is_continued, listed)| {
            let more = if is_continued {
                std::mem::take(&mut before)
            } else {
                BTreeSet::new()
            };
            before = listed.union(&more).cloned().collect();
            (attribute, (line, before.clone()))
        });
    let lists: BTreeMap<String, (usize, BTreeSet<String>)> = lists.collect();
    for (attribute, accepted) in keys {
        let needed = accepted.iter().filter(|key| !is_refused(attribute, key));
        let needed: BTreeSet<String> = needed.cloned().collect();
        let (line, listed) = lists
            .get(*attribute)
            .cloned()
            .unwrap_or((1, BTreeSet::new()));
        if listed != needed {
            let differs: Vec<&String> = listed.symmetric_difference(&needed).collect();
            let what = format!(
                "the list of the keys of `#[{attribute}]` lacks, or has too many: {differs:?}"
            );
            let help = "write `#[attribute]` with `key`, `key` and `key`";
            findings.push(Finding::new(CHANGELOG, line, what, help));
        }
    }
}

/// Where an attribute is shown with keys, each of them exists.
fn shown(document: &Document, keys: &Keys, findings: &mut Vec<Finding>) {
    for line in &document.lines {
        for (attribute, accepted) in keys {
            for behind in line.text.split(&format!("#[{attribute}(")).skip(1) {
                let named = arguments(&lex(behind).tokens);
                for key in named.iter().filter(|key| !accepted.contains(*key)) {
                    let what = format!("`#[{attribute}]` does not accept the key `{key}`");
                    findings.push(Finding::new(&document.path, line.number, what, "remove it"));
                }
            }
        }
    }
}

/// The keys up to the parenthesis that closes the attribute.
fn arguments(tokens: &[Token]) -> Vec<String> {
    let (mut depth, mut keys) = (0_usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        let is_first = at == 0 || (depth == 0 && tokens[at - 1].is(","));
        if is_first && token.is_word() {
            keys.push(token.text.clone());
        }
        if token.is("[") || token.is("(") || token.is("<") {
            depth += 1;
        } else if token.is("]") || token.is(")") || token.is(">") {
            if depth == 0 {
                break;
            }
            depth -= 1;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    const ARGS: &str = "const GRAMMAR: Grammar = Grammar {\n    attribute: \"module\",\n    keys: &[\n\
        Key { name: \"handles\", form: \"handles = ..\" },\n        Key { name: \"retry\", form: \"retry\" },\n\
        CRATE,\n        http(\"x\"),\n    ],\n};\nconst CRATE: Key = Key { name: \"crate\", form: \"\" };\n\
        const fn http(form: &'static str) -> Key { Key { name: \"http\", form } }\n";

    const PAGE: &str = "# Grammar\n\n```text\nmodule := '#[module(' key { ',' key } ')]'\n\
        key := 'handles = ' ( 'a' | type ) | policy\n     | 'http'\n     | 'crate = ' path\n\
        policy := 'retry = ' number\nlist := 'other'\n```\n\n| key | what it says |\n|---|---|\n\
        | `handles = [A]` | `x` |\n| `retry`, `http` | |\n| `crate` | |\n";

    const CHANGES: &str = "- `#[old]` and `#[module]` on an `impl`, with the keys `handles`, `http`,\n  \
        `retry` and `crate`, and the hook `#[init]`.\n- `#[module(handles = [retry, A])]`\n";

    fn tree(name: &str) -> Small {
        Small::new(name)
            .write("nether-macros/src/module/args.rs", ARGS)
            .write("nether/src/docs/module.md", PAGE)
            .write("CHANGELOG.md", CHANGES)
    }

    #[test]
    fn keys_that_are_listed_are_clean() {
        assert_clean(&check(tree("keys-clean").root()));
    }

    #[test]
    fn a_key_that_is_missing_or_not_accepted_is_found() {
        const MODULE: &str = "nether/src/docs/module.md";
        let small = tree("keys-grammar").replace(MODULE, "     | 'http'\n", "");
        assert_one(
            &check(small.root()),
            &format!("{MODULE}:5"),
            "grammar lacks the key `http`",
        );
        let small = tree("keys-table").replace(MODULE, "| `crate` | |", "| `old` | |");
        let findings = check(small.root());
        assert_eq!(findings.len(), 2, "{findings:?}");
        let small = tree("keys-changelog").replace("CHANGELOG.md", " `http`,", "");
        assert_one(&check(small.root()), "CHANGELOG.md:1", "[\"http\"]");
        let small = tree("keys-untold").write("CHANGELOG.md", "");
        assert_one(&check(small.root()), "CHANGELOG.md:1", "`#[module]`");
        let small =
            tree("keys-shown").append("CHANGELOG.md", "`#[module(handles = A, old = 1)]`\n");
        assert_one(&check(small.root()), "CHANGELOG.md:4", "`old`");
    }

    #[test]
    fn a_key_that_the_macros_gain_is_missing_in_the_documents() {
        let small = Small::new("keys-repository")
            .copy("nether-macros/src")
            .copy("nether/src/docs")
            .replace(
                "nether-macros/src/sourcing/saga/args.rs",
                "name: \"ends\"",
                "name: \"finishes\"",
            );
        let findings = check(small.root());
        let lacks = findings
            .iter()
            .filter(|it| it.what.contains("lacks the key `finishes`"));
        assert_eq!(lacks.count(), 1, "{findings:?}");
    }
}
