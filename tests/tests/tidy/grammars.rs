//! The keys that each attribute accepts, read from the `Key` tables of the macros.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::finding::Finding;
use crate::lexer::{Kind, Token, lex};
use crate::tree::{File, files};

const MACROS: &str = "nether-macros/src";
const HELP: &str = "mend `TABLES` of tidy's `grammars.rs`";

/// The files with the keys that several attributes have in common.
const SHARED: [&str; 2] = [
    "nether-macros/src/limits.rs",
    "nether-macros/src/module/args.rs",
];

/// Where the keys of an attribute are defined: its name, the file, and the constant, or the attribute's name
/// in its `Grammar`.
const TABLES: [(&str, &str, &str); 14] = [
    ("command", "message/args.rs", "COMMAND"),
    ("query", "message/args.rs", "QUERY"),
    ("event", "message/args.rs", "EVENT"),
    ("module", "module/args.rs", "module"),
    ("handler", "module/policy.rs", "handler"),
    ("middleware", "middleware/args.rs", "middleware"),
    ("main", "entry/args.rs", "MAIN"),
    ("test", "entry/args.rs", "TEST"),
    ("routes", "routes/args.rs", "routes"),
    ("problem", "problem/args.rs", "problem"),
    ("aggregate", "sourcing/aggregate/args.rs", "aggregate"),
    ("decision", "sourcing/decision/args.rs", "decision"),
    ("projection", "sourcing/projection/args.rs", "projection"),
    ("saga", "sourcing/saga/args.rs", "saga"),
];

/// Keys that are read only to say in the error why they cannot be: no handler answers an event.
const REFUSED: [(&str, &str); 4] = [
    ("event", "reply"),
    ("event", "error"),
    ("event", "status"),
    ("event", "validate"),
];
/// The keys of each attribute.
pub(crate) type Keys = BTreeMap<&'static str, BTreeSet<String>>;

/// All keys; and the tables that are missing here or there.
pub(crate) fn read(root: &Path) -> (Keys, Vec<Finding>) {
    let (mut keys, mut findings) = (Keys::new(), Vec::new());
    let sources = files(root, MACROS, "rs");
    let tokens_of = |path: &str| {
        let source = sources.iter().find(|source| source.path == path);
        source.map_or_else(Vec::new, |source| lex(&source.text).tokens)
    };
    let shared = SHARED.map(tokens_of).concat();
    for (attribute, file, table) in TABLES {
        let path = format!("{MACROS}/{file}");
        let source = sources.iter().find(|source| source.path == path);
        let mut tokens = tokens_of(&path);
        tokens.extend(shared.iter().cloned());
        let found = accepted(&tokens, table);
        // A small tree has some of the tables.
        let is_whole = sources
            .iter()
            .any(|source| source.path == "nether-macros/src/lib.rs");
        if found.is_empty() && (is_whole || source.is_some()) {
            let what = format!("there is no table `{table}` of the keys of `#[{attribute}]`");
            findings.push(Finding::new(&path, 1, what, HELP));
        }
        if !found.is_empty() {
            keys.insert(attribute, found);
        }
    }
    let is_known = |path: &str| TABLES.iter().any(|(_, file, _)| path.ends_with(file));
    for File { path, text } in sources.iter().filter(|source| !is_known(&source.path)) {
        let tokens = lex(text).tokens;
        let makes = |it: &[Token]| {
            it[0].is_keyword("Grammar") && it[1].is("{") && it[2].is_keyword("attribute")
        };
        if let Some(it) = tokens
            .windows(4)
            .find(|it| makes(it) && !it[3].is_keyword("pub"))
        {
            let what = "an attribute has keys that no check knows";
            findings.push(Finding::new(path, it[0].line, what, HELP));
        }
    }
    (keys, findings)
}

/// Whether a key is read only to be refused.
pub(crate) fn is_refused(attribute: &str, key: &str) -> bool {
    REFUSED.contains(&(attribute, key))
}

/// The names in a table of keys: a constant, or the `keys` of the grammar of that attribute.
fn accepted(tokens: &[Token], table: &str) -> BTreeSet<String> {
    let is_constant =
        |at: usize| tokens[at].is_keyword("const") && tokens[at + 1].is_keyword(table);
    let is_grammar = |at: usize| {
        let is_named = tokens[at].kind == Kind::Text && tokens[at].text == table;
        is_named && tokens[at - 1].is(":") && tokens[at - 2].is_keyword("attribute")
    };
    let starts = 2..tokens.len().saturating_sub(1);
    let Some(start) = starts
        .into_iter()
        .find(|at| is_constant(*at) || is_grammar(*at))
    else {
        return BTreeSet::new();
    };
    let (mut depth, mut keys) = (0_usize, BTreeSet::new());
    for (at, token) in tokens.iter().enumerate().skip(start) {
        if token.is("[") || token.is("{") || token.is("(") {
            depth += 1;
        } else if token.is("]") || token.is("}") || token.is(")") {
            // The end of the grammar that the table stands in.
            let Some(outer) = depth.checked_sub(1) else {
                break;
            };
            depth = outer;
        } else if token.is(";") && depth == 0 {
            break;
        } else if token.kind == Kind::Text && tokens[at - 2].is_keyword("name") {
            keys.insert(token.text.clone());
        } else if token.is_word() && depth > 0 {
            keys.extend(constant(tokens, &token.text));
        }
    }
    keys
}

/// The name of a key that is a constant, or that a `const fn` makes.
fn constant(tokens: &[Token], name: &str) -> Option<String> {
    let is_it = |pair: &[Token]| {
        (pair[0].is_keyword("const") || pair[0].is_keyword("fn")) && pair[1].is_keyword(name)
    };
    let start = tokens.windows(2).position(is_it)?;
    let is_key = tokens[start..]
        .iter()
        .take(12)
        .any(|token| token.is_keyword("Key"));
    let named = tokens[start..].windows(3).take(24).filter(|_| is_key);
    let mut texts = named.filter(|it| it[0].is_keyword("name") && it[2].kind == Kind::Text);
    texts.next().map(|it| it[2].text.clone())
}
