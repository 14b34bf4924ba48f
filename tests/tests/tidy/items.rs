//! [`parse`]: what a source file defines, which modules it declares, what it imports and which paths it
//! names.

use std::collections::BTreeSet;

use crate::lexer::{Kind, Token, lex};

/// A module, in a file of its own or inline.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The names of its types, traits, functions, constants and macros.
    pub(crate) items: BTreeSet<String>,
    pub(crate) children: Vec<Child>,
    /// Without imports that only links in the documentation need (`#[cfg(doc)]`).
    pub(crate) imports: Vec<Import>,
    /// The paths that its code names, also those in the tokens of a macro.
    pub(crate) paths: Vec<Named>,
}

/// A module that is declared by another.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// The value of `#[path = ".."]`.
    pub(crate) path: Option<String>,
    /// Its contents, if it has no file of its own.
    pub(crate) inline: Option<Module>,
}

/// One name that a `use` brings in.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The name by which it is known here; `*` for all that is in the module.
    pub(crate) alias: String,
    /// Whether it is a `pub use`, without a limit.
    pub(crate) is_public: bool,
    pub(crate) line: usize,
}

/// A path of two segments or more.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Keywords that an item's name follows.
const ITEMS: [&str; 8] = [
    "struct", "enum", "union", "trait", "type", "fn", "const", "static",
];

pub(crate) fn parse(tokens: &[Token]) -> Module {
    let mut parser = Parser { tokens, at: 0 };
    parser.module()
}

/// The two attributes that matter here.
struct Attribute {
    /// `#[path = ".."]`.
    path: Option<String>,
    /// `#[cfg(doc)]`.
    is_for_docs: bool,
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is(&self, ahead: usize, mark: &str) -> bool {
        self.peek(ahead).is_some_and(|token| token.is(mark))
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        let token = self.peek(ahead).filter(|token| token.is_word());
        token.map(|token| token.text.as_str())
    }

    /// Up to the brace that closes the module, or to the end of the file.
    fn module(&mut self) -> Module {
        let mut module = Module::default();
        let mut depth = 0_usize;
        let (mut path, mut is_for_docs) = (None, false);
        while let Some(token) = self.peek(0) {
            let (kind, text, line) = (token.kind, token.text.clone(), token.line);
            match (kind, text.as_str()) {
                (Kind::Mark, "#") if self.is(1, "[") => {
                    let attribute = self.attribute(&mut module.paths);
                    if depth == 0 {
                        path = attribute.path.or(path);
                        is_for_docs |= attribute.is_for_docs;
                    }
                    continue;
                }
                (Kind::Mark, "{" | "(" | "[") => depth += 1,
                (Kind::Mark, "}" | ")" | "]") if depth == 0 => return module,
                (Kind::Mark, "}" | ")" | "]") => {
                    depth -= 1;
                    if depth == 0 && text == "}" {
                        (path, is_for_docs) = (None, false);
                    }
                }
                (Kind::Mark, ";") => (path, is_for_docs) = (None, false),
                (Kind::Word, "mod") if depth == 0 && self.word(1).is_some() => {
                    module.children.extend(self.child(line, path.take()));
                    is_for_docs = false;
                }
                (Kind::Word, "extern") if self.renames_the_crate() => {
                    module.imports.push(Import {
                        path: vec!["crate".to_owned()],
                        alias: self.word(4).unwrap_or("_").to_owned(),
                        is_public: false,
                        line,
                    });
                    self.at += 5;
                    continue;
                }
                (Kind::Word, "use") if self.begins_import() => {
                    let before = self.at.checked_sub(1).map(|at| &self.tokens[at]);
                    let is_public = before.is_some_and(|token| token.is_keyword("pub"));
                    self.at += 1;
                    let before = module.imports.len();
                    self.tree(&[], is_public, &mut module.imports);
                    if is_for_docs {
                        module.imports.truncate(before);
                    }
                    continue;
                }
                (Kind::Word, _) => {
                    if depth == 0 {
                        module.items.extend(self.item(&text));
                    }
                    self.path(&mut module.paths);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        module
    }

    /// Passes over an attribute, and returns what it says. Its paths are collected, also those in its strings
    /// that begin with `crate::`.
    fn attribute(&mut self, paths: &mut Vec<Named>) -> Attribute {
        let (mut depth, mut path) = (0_usize, None);
        let is_for_docs = self.word(2) == Some("cfg") && self.word(4) == Some("doc");
        self.at += 1;
        while let Some(token) = self.peek(0) {
            if token.is("[") {
                depth += 1;
            } else if token.is("]") {
                depth -= 1;
            } else if token.is_keyword("path") && self.is(1, "=") {
                let text = self.peek(2).filter(|token| token.kind == Kind::Text);
                path = text.map(|token| token.text.clone());
            } else if token.kind == Kind::Text && token.text.starts_with("crate::") {
                let inner = lex(&token.text).tokens;
                let line = token.line;
                let mut parser = Parser {
                    tokens: &inner,
                    at: 0,
                };
                let before = paths.len();
                parser.path(paths);
                paths[before..]
                    .iter_mut()
                    .for_each(|named| named.line = line);
            }
            if token.is_word() {
                self.path(paths);
                continue;
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        Attribute { path, is_for_docs }
    }

    /// `mod name;` or `mod name { .. }`, up to its last token.
    fn child(&mut self, line: usize, path: Option<String>) -> Option<Child> {
        let name = self.word(1)?.to_owned();
        self.at += 2;
        let mut inline = None;
        if self.is(0, "{") {
            self.at += 1;
            inline = Some(self.module());
        } else if !self.is(0, ";") {
            return None;
        }
        Some(Child {
            name,
            line,
            path,
            inline,
        })
    }

    /// `extern crate self as name`.
    fn renames_the_crate(&self) -> bool {
        [(1, "crate"), (2, "self"), (3, "as")]
            .iter()
            .all(|(ahead, word)| self.word(*ahead) == Some(word))
    }

    /// Not the `use<..>` of a bound, nor the `use #name` of a quoted piece of code.
    fn begins_import(&self) -> bool {
        self.word(1).is_some() || self.is(1, "::") || self.is(1, "{")
    }

    /// The name that a keyword defines.
    fn item(&self, keyword: &str) -> Option<String> {
        let name = if keyword == "macro_rules" && self.is(1, "!") {
            self.word(2)
        } else if ITEMS.contains(&keyword) {
            let is_mut = self.word(1) == Some("mut");
            self.word(if is_mut { 2 } else { 1 })
        } else {
            None
        };
        name.filter(|name| !ITEMS.contains(name)).map(str::to_owned)
    }

    /// One tree of a `use`, behind what it begins with.
    fn tree(&mut self, before: &[String], is_public: bool, imports: &mut Vec<Import>) {
        let mut path = before.to_vec();
        let line = self.peek(0).map_or(0, |token| token.line);
        if path.is_empty() && self.is(0, "::") {
            path.push(String::new());
            self.at += 1;
        }
        loop {
            if self.is(0, "{") {
                self.at += 1;
                while self.at < self.tokens.len() && !self.is(0, "}") {
                    self.tree(&path, is_public, imports);
                    if self.is(0, ",") {
                        self.at += 1;
                    }
                }
                self.at += 1;
                return;
            }
            let Some(segment) = self.segment() else {
                self.at += 1;
                return;
            };
            path.push(segment);
            if !self.is(0, "::") {
                break;
            }
            self.at += 1;
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let mut alias = path.last().cloned().unwrap_or_default();
        if self.word(0) == Some("as") {
            alias = self.word(1).unwrap_or("_").to_owned();
            self.at += 2;
        }
        imports.push(Import {
            path,
            alias,
            is_public,
            line,
        });
    }

    fn segment(&mut self) -> Option<String> {
        let is_glob = self.is(0, "*");
        let word = self.word(0).map(str::to_owned);
        let segment = word.or_else(|| is_glob.then(|| "*".to_owned()))?;
        self.at += 1;
        Some(segment)
    }

    /// A path, or a single word, which is passed over.
    fn path(&mut self, paths: &mut Vec<Named>) {
        let line = self.peek(0).map_or(0, |token| token.line);
        let mut path = Vec::new();
        // `::name`, but not `<Type>::name`, nor `name::<Type>::name`.
        let before = self.at.checked_sub(1).map(|at| &self.tokens[at]);
        let is_behind = before.is_some_and(|token| token.is("::"));
        let further = self.at.checked_sub(2).map(|at| &self.tokens[at]);
        if is_behind {
            let follows = |token: &Token| token.is_word() || token.is(">") || token.is("#");
            if further.is_some_and(follows) {
                self.at += 1;
                return;
            }
            path.push(String::new());
        }
        while let Some(word) = self.word(0) {
            path.push(word.to_owned());
            self.at += 1;
            if !self.is(0, "::") || self.word(1).is_none() {
                break;
            }
            self.at += 1;
        }
        if path.len() > 1 {
            paths.push(Named { path, line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Module, parse};
    use crate::lexer::lex;

    fn module(text: &str) -> Module {
        parse(&lex(text).tokens)
    }

    fn joined<'p>(paths: impl Iterator<Item = &'p Vec<String>>) -> Vec<String> {
        paths.map(|path| path.join("::")).collect()
    }

    #[test]
    fn imports_are_read_however_they_are_grouped() {
        let module = module(
            "use crate::{a::b, c::{self, d as e}};\n\
             pub(crate) use super::super::f::*;\n\
             #[cfg(doc)]\nuse crate::k;\n\
             #[cfg(doc)] mod l;\n#[cfg(doc)] fn m() {}\nuse crate::n;\n\
             extern crate self as o;\n\
             fn g() { use ::h::i; let _: impl Sized + use<'_>; }",
        );
        let paths = joined(module.imports.iter().map(|import| &import.path));
        assert_eq!(
            paths,
            [
                "crate::a::b",
                "crate::c",
                "crate::c::d",
                "super::super::f::*",
                "crate::n",
                "crate",
                "::h::i"
            ]
        );
        let aliases: Vec<&str> = module.imports.iter().map(|it| it.alias.as_str()).collect();
        assert_eq!(aliases, ["b", "c", "e", "*", "n", "o", "i"]);
    }

    #[test]
    fn modules_are_read_whatever_stands_before_them() {
        let module = module(
            "mod a; pub mod b; #[cfg(feature = \"c\")] pub(crate) mod c;\n\
             #[path = \"e.rs\"] pub(super) mod d;\n\
             mod f { struct G; mod h; } const fn i() {} static mut J: u8 = 0;",
        );
        let names: Vec<&str> = module.children.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "f"]);
        assert_eq!(module.children[2].line, 1);
        assert_eq!(module.children[3].path.as_deref(), Some("e.rs"));
        let inner = module.children[4].inline.as_ref().expect("inline");
        assert!(inner.items.contains("G") && inner.children[0].name == "h");
        let items: Vec<&String> = module.items.iter().collect();
        assert_eq!(items, ["J", "i"]);
    }

    #[test]
    fn paths_are_read_in_attributes() {
        let module = module(
            "#[derive(Debug, crate::A)] #[doc = \"See crate::b.\"] struct C {\n\
             #[serde(with = \"crate::d::e\", f::g)] h: u8 }",
        );
        let paths = joined(module.paths.iter().map(|named| &named.path));
        assert_eq!(paths, ["crate::A", "crate::d::e", "f::g"]);
        assert_eq!(module.paths[1].line, 2);
    }

    #[test]
    fn paths_are_read_in_code_and_in_macros() {
        let module = module(
            "fn a() { crate::b::c::<D>::e(); vec![super::f::G::h()]; Self::i(); <J as K>::l() }",
        );
        let paths = joined(module.paths.iter().map(|named| &named.path));
        assert_eq!(paths, ["crate::b::c", "super::f::G::h", "Self::i"]);
    }
}
