//! Homonyms: no two types of a crate have one name, so that a search for a name finds one thing.

use std::collections::BTreeMap;
use std::path::Path;

use crate::finding::Finding;
use crate::lexer::{Token, lex};
use crate::tree::files;

/// The runtime, the macros and the adapters. Each is searched by itself: what the macros read about a thing
/// is often called like what the runtime makes of it.
const CRATES: [&str; 4] = [
    "nether/src",
    "nether-macros/src",
    "nether/adapters/postgres/src",
    "nether/adapters/sqlite/src",
];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let found = CRATES.iter().map(|folder| check_crate(root, folder));
    found.flatten().collect()
}

fn check_crate(root: &Path, folder: &str) -> Vec<Finding> {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut findings = Vec::new();
    let files = files(root, folder, "rs").into_iter();
    for file in files.filter(|file| !file.path.ends_with("/tests.rs")) {
        for (name, line) in types(&lex(&file.text).tokens) {
            let place = format!("{}:{line}", file.path);
            let Some(other) = first.get(&name) else {
                first.insert(name, place);
                continue;
            };
            findings.push(Finding::new(
                &file.path,
                line,
                format!("`{name}` is also the name of a type in {other}"),
                "give it a name that says what it is, such as that of its owner before the word",
            ));
        }
    }
    findings
}

/// The types and traits at the top of a file, with their lines: neither associated types nor those of tests.
fn types(tokens: &[Token]) -> Vec<(String, usize)> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth = depth.saturating_sub(1);
        }
        let keywords = ["struct", "enum", "union", "trait", "type"];
        let is_definition = depth == 0 && keywords.iter().any(|keyword| token.is_keyword(keyword));
        let name = tokens
            .get(at + 1)
            .filter(|name| is_definition && name.is_word());
        if let Some(name) = name {
            found.push((name.text.clone(), name.line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{CRATES, check};
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    #[test]
    fn a_type_whose_name_another_file_has_is_found() {
        let own = "pub struct A;\ntrait B { type C; }\nimpl B for A { type C = A; }\n\
                   #[cfg(test)]\nmod tests { struct D; }\n";
        let other = "enum D { A }\ntype C = u8;\n";
        for folder in CRATES {
            let files = ["a", "b"].map(|name| format!("{folder}/{name}.rs"));
            let small = Small::new("homonyms")
                .write(&files[0], own)
                .write(&files[1], other);
            assert_clean(&check(small.root()));
            let small = small.append(&files[1], "struct A;\n");
            let told = format!("`A` is also the name of a type in {}:1", files[0]);
            assert_one(&check(small.root()), &format!("{}:3", files[1]), &told);
        }
    }

    #[test]
    fn a_type_of_the_macros_may_have_the_name_of_one_of_the_runtime() {
        let small = Small::new("homonyms-of-two-crates")
            .write("nether/src/a.rs", "struct A;\n")
            .write("nether-macros/src/a.rs", "struct A;\n");
        assert_clean(&check(small.root()));
    }
}
