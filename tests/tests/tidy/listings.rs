//! Where documents list the keys of an attribute: in a table, in a grammar, or in a sentence of the
//! changelog.

use std::collections::BTreeSet;

use crate::document::{Document, Line, quoted};

/// The first words in the first column of the tables whose head begins with `key`.
pub(crate) fn of_table(document: &Document) -> Vec<(String, usize)> {
    let mut is_inside = false;
    let mut keys = Vec::new();
    for line in document.prose() {
        is_inside = line.text.starts_with("| key |") || (is_inside && line.text.starts_with('|'));
        if is_inside {
            let cell = line.text.split('|').nth(1).unwrap_or_default();
            let names = quoted(cell).filter_map(|span| span.split(' ').next());
            keys.extend(names.map(|name| (name.to_owned(), line.number)));
        }
    }
    keys
}

/// The first words of the alternatives of the productions `key` and `policy` of a grammar.
pub(crate) fn of_grammar(document: &Document) -> Vec<(String, usize)> {
    let mut is_inside = false;
    let mut keys = Vec::new();
    let is_code = |line: &&&Line| line.is_code;
    for line in document.section("# Grammar").iter().filter(is_code) {
        let (head, mut rest) = match line.text.split_once(":=") {
            Some((head, rest)) => (head.trim(), rest),
            None => ("", line.text.as_str()),
        };
        if line.text.contains("'#[") {
            // `routes := '#[routes]' | '#[routes(crate = ' path ')]'`
            let inner = line.text.rsplit_once('(').map_or("", |(_, inner)| inner);
            let key = inner
                .split_once(" = ")
                .map(|(key, _)| (key.to_owned(), line.number));
            keys.extend(key.filter(|_| inner.contains(" path ")));
        }
        if !head.is_empty() {
            is_inside = matches!(head, "key" | "policy");
        }
        let mut depth = 0_usize;
        while is_inside && let Some((before, quote)) = rest.split_once('\'') {
            depth += before.matches(['(', '[']).count();
            depth = depth.saturating_sub(before.matches([')', ']']).count());
            let (quote, behind) = quote.split_once('\'').unwrap_or((quote, ""));
            let word = quote.split(" = ").next().unwrap_or_default();
            let is_word =
                !word.is_empty() && word.chars().all(|it| it.is_ascii_lowercase() || it == '_');
            if is_word && (quote.contains(" = ") || depth == 0) {
                keys.push((word.to_owned(), line.number));
            }
            rest = behind;
        }
    }
    keys
}

/// The lists of keys: of which attribute, where, whether the list goes on with that of the attribute before,
/// and the keys.
pub(crate) fn of_sentences(page: &Document) -> Vec<(String, usize, bool, BTreeSet<String>)> {
    let mut lists = Vec::new();
    for item in items(page) {
        // Every other piece is inline code.
        let pieces: Vec<&str> = item.1.split('`').collect();
        for at in (1..pieces.len()).step_by(2) {
            let name = pieces[at]
                .trim_start_matches("#[")
                .trim_start_matches("nether::");
            let Some(attribute) = name
                .strip_suffix(']')
                .filter(|_| pieces[at].starts_with("#["))
            else {
                continue;
            };
            // The sentence may say something else of the attribute before it lists the keys.
            let begins = |text: &str| {
                text.ends_with(" with ")
                    || text.ends_with(" keys ")
                    || text.ends_with(" keys and ")
                    || text == " ("
            };
            let texts = (at + 1..pieces.len()).step_by(2);
            let mut texts = texts.take_while(|text| !pieces[*text].contains([';', '.']));
            let Some(start) = texts.find(|text| begins(pieces[*text])) else {
                continue;
            };
            let is_next = |text: &&usize| matches!(pieces[**text], ", " | " and " | ", and ");
            let behind: Vec<usize> = (start + 2..pieces.len()).step_by(2).collect();
            let more = behind.iter().take_while(is_next).map(|text| text + 1);
            let words = std::iter::once(start + 1).chain(more).map(|at| pieces[at]);
            let is_key = |word: &&str| word.chars().all(|it| it.is_ascii_lowercase() || it == '_');
            let keys = words.take_while(is_key).map(str::to_owned).collect();
            let is_continued = pieces[start].ends_with(" keys and ");
            lists.push((attribute.to_owned(), item.0, is_continued, keys));
        }
    }
    lists
}

/// The items of a list, each in one line.
fn items(page: &Document) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    for line in page.prose() {
        match items.last_mut() {
            Some((_, item)) if line.text.starts_with("  ") => {
                item.push(' ');
                item.push_str(line.text.trim());
            }
            _ => items.push((line.number, line.text.clone())),
        }
    }
    items
}
