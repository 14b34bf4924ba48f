//! Types in ARCHITECTURE.md and in the glossary: each is defined in the runtime or in the macros. So is what
//! the pages name of a type, in a file that names the type too; and each attribute is one of the macros, or a
//! mark that they read.

use std::collections::BTreeSet;
use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::lexer::{Kind, Token, lex};
use crate::tree::{File, files};

const PAGES: [&str; 2] = ["ARCHITECTURE.md", "nether/src/docs/glossary.md"];

/// Types of the standard library, of tokio, and of the pages' own examples.
const OTHERS: [&str; 9] = [
    "Arc", "Box", "Drop", "Mutex", "Self", "Send", "SeqCst", "Unpin", "Vec",
];

/// Attributes of the language.
const OTHER_ATTRIBUTES: [&str; 2] = ["derive", "inline"];

const FOLDERS: [&str; 2] = ["nether/src", "nether-macros/src"];

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let defined = defined(root);
    let sources = FOLDERS.iter().flat_map(|folder| files(root, folder, "rs"));
    let sources: Vec<Vec<Token>> = sources.map(|file| lex(&file.text).tokens).collect();
    let attributes = sources
        .iter()
        .flat_map(|tokens| attributes(tokens))
        .collect();
    let pages = PAGES.iter().filter_map(|page| File::read(root, page));
    let findings = pages.flat_map(|page| {
        let mut findings = undefined(&page, &defined);
        findings.extend(without_members(&page, &sources));
        findings.extend(without_attributes(&page, &attributes));
        findings
    });
    findings.collect()
}

/// `Type::name` where no file names the type and defines the name.
fn without_members(page: &File, sources: &[Vec<Token>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for span in Document::page(page).spans() {
        let tokens = lex(&span.text).tokens;
        for path in tokens.windows(3).filter(|path| path[1].is("::")) {
            let (owner, member) = (&path[0].text, &path[2].text);
            let is_there = |source: &&Vec<Token>| {
                source.iter().any(|it| it.is_word() && it.text == *owner)
                    && source.windows(3).any(|around| defines(around, member))
            };
            let is_member = member.starts_with(char::is_lowercase) && is_camel_case(owner);
            if is_member && !sources.iter().any(|source| is_there(&source)) {
                let what = format!("`{owner}` has no `{member}`");
                let help = "name it as it is called now";
                findings.push(Finding::new(&page.path, span.line, what, help));
            }
        }
    }
    findings
}

/// Whether a function or a field of that name stands at the second of the tokens.
fn defines(around: &[Token], name: &str) -> bool {
    let is_defined = around[0].is_keyword("fn") || around[2].is(":");
    around[1].is_keyword(name) && is_defined
}

/// The attributes that a page names and nothing reads.
fn without_attributes(page: &File, known: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for span in Document::page(page).spans() {
        for behind in span.text.split("#[").skip(1) {
            let is_part = |it: char| it.is_alphanumeric() || "_:".contains(it);
            let path = behind.split(|it| !is_part(it)).next().unwrap_or_default();
            let name = path.rsplit(':').next().unwrap_or_default();
            if !known.contains(name) && !OTHER_ATTRIBUTES.contains(&name) {
                let what = format!("no attribute is called `{name}`");
                let help = "name it as it is called now; if it is one of the language, list it in `OTHER_ATTRIBUTES` of tidy's `types.rs`";
                findings.push(Finding::new(&page.path, span.line, what, help));
            }
        }
    }
    findings
}

/// The attributes that a file exports, those that a derive macro reads, and the marks of hooks.
fn attributes(tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let rest = &tokens[at..];
        if token.is_keyword("proc_macro_attribute") {
            let function = rest.windows(2).find(|pair| pair[0].is_keyword("fn"));
            names.extend(function.map(|pair| pair[1].text.clone()));
        } else if token.is_keyword("attributes") {
            let inner = rest.iter().take_while(|token| !token.is(")")).skip(1);
            let inner = inner.filter(|token| token.is_word());
            names.extend(inner.map(|token| token.text.clone()));
        } else if token.is_keyword("HOOKS") {
            let value = rest.iter().skip_while(|token| !token.is("="));
            let value = value.take_while(|token| !token.is(";"));
            let texts = value.filter(|token| token.kind == Kind::Text);
            names.extend(texts.map(|token| token.text.clone()));
        }
    }
    names
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
    let files = FOLDERS.iter().flat_map(|folder| files(root, folder, "rs"));
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
    fn what_is_named_of_a_type_and_an_attribute_exist() {
        let source = "struct Ab { c: u8 }\nimpl Ab { fn d() {} }\n";
        let macros = "#[proc_macro_attribute]\npub fn e() {}\n#[proc_macro_derive(F, attributes(g))]\n\
                      pub fn f() {}\nconst HOOKS: [&str; 1] = [\"h\"];\n";
        let page = "`Ab::c`, `Ab::d()`, `#[e(x)]`, `#[nether::e]`, `#[g]`, `#[h]`, `#[inline]`\n";
        let mut small = Small::new("types-members")
            .write("nether/src/a.rs", source)
            .write("nether/src/b.rs", "fn gone() {}")
            .write("nether-macros/src/lib.rs", macros)
            .write("ARCHITECTURE.md", page);
        assert_clean(&check(small.root()));
        for (name, what) in [
            ("Ab::gone()", "`Ab` has no `gone`"),
            ("#[gone(x)]", "`gone`"),
            ("#[nether::f]", "`f`"),
        ] {
            small = small.write("ARCHITECTURE.md", &format!("\n`{name}`\n"));
            assert_one(&check(small.root()), "ARCHITECTURE.md:2", what);
        }
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
