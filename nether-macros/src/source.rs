//! The source text around an attribute: what the compiler does not hand to a macro. It only words errors for
//! what does not compile anyway; where it cannot be read, the compiler's own errors remain.

use std::fs;
use std::path::PathBuf;

use proc_macro2::Ident;
use syn::parse::Parser;
use syn::{Attribute, ImplItem, Item, ItemImpl};

use crate::block::{Block, Member};
use crate::types;

/// The attributes above the one that is being expanded, which stands above the type `name`. The compiler has
/// expanded and removed them: the item does not show them.
pub(crate) fn attributes_above(attribute: &str, name: &Ident) -> Vec<Attribute> {
    let text = Place::of_attribute().and_then(|place| place.text());
    match text {
        Some((before, behind)) if is_attribute_of(&behind, attribute, name) => {
            attributes_at_end_of(&before)
        }
        _ => Vec::new(),
    }
}

/// Whether an earlier block of the same type, in the same file and `mod`, has the attribute, too. None of
/// them may depend on the configuration: of such, only one may be there.
pub(crate) fn has_earlier_block(attribute: &str, name: &Ident, block: &Block) -> bool {
    let text = Place::of_attribute().and_then(|place| fs::read_to_string(place.file).ok());
    text.is_some_and(|text| is_later_block(&text, attribute, name, block))
}

/// Where the attribute stands.
struct Place {
    file: PathBuf,
    line: usize,
    column: usize,
}

impl Place {
    /// None outside of the compiler, and for tools that do not say.
    fn of_attribute() -> Option<Self> {
        if !proc_macro::is_available() {
            return None;
        }
        let span = proc_macro::Span::call_site();
        Some(Place {
            file: span.local_file()?,
            line: span.line(),
            column: span.column(),
        })
    }

    /// The text before it, and behind.
    fn text(&self) -> Option<(String, String)> {
        let mut text = fs::read_to_string(&self.file).ok()?;
        let line = match self.line.checked_sub(2) {
            Some(lines) => text.match_indices('\n').nth(lines)?.0 + 1,
            None => 0,
        };
        let on_line = text[line..].chars().take(self.column.checked_sub(1)?);
        let end = line + on_line.map(char::len_utf8).sum::<usize>();
        let behind = text.split_off(end);
        Some((text, behind))
    }
}

/// Whether the attribute stands there, above the type. In documentation it does not: the compiler counts the
/// lines of an example otherwise.
fn is_attribute_of(text: &str, attribute: &str, name: &Ident) -> bool {
    let keywords = ["struct ", "enum "];
    let found = keywords.iter().filter_map(|word| text.split_once(word));
    let first = found.min_by_key(|(before, _)| before.len());
    first.is_some_and(|(before, behind)| {
        let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let written = behind.split(|letter| !is_of_name(letter)).next();
        before.starts_with("#[") && before.contains(attribute) && written == Some(&name.to_string())
    })
}

fn attributes_at_end_of(text: &str) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let mut rest = without_comments(text);
    while rest.ends_with(']') {
        // The last attribute: what is in it may look like the beginning of another.
        let starts = rest.rmatch_indices("#[").take(4);
        let mut read = starts.filter_map(|(start, _)| {
            let read = Attribute::parse_outer.parse_str(&rest[start..]).ok()?;
            Some((start, read))
        });
        let Some((start, read)) = read.next() else {
            break;
        };
        attributes.extend(read);
        rest = without_comments(&rest[..start]);
    }
    attributes
}

/// The text without the lines at its end that are comments.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_end();
    loop {
        let start = rest.rfind('\n').map_or(0, |end| end + 1);
        if !rest[start..].trim_start().starts_with("//") {
            return rest;
        }
        rest = rest[..start].trim_end();
    }
}

fn is_later_block(text: &str, attribute: &str, name: &Ident, block: &Block) -> bool {
    // Files are only parsed if they look like it: most do not.
    let is_likely = text.matches(&format!("{attribute}(")).count() > 1
        && text.matches(&format!("impl {name}")).count() > 1;
    is_likely
        && syn::parse_file(text)
            .is_ok_and(|file| is_later_among(&file.items, attribute, name, block))
}

fn is_later_among(items: &[Item], attribute: &str, name: &Ident, block: &Block) -> bool {
    let mut blocks = items.iter().filter_map(|item| match item {
        Item::Impl(block) if is_block(block, attribute, name) => Some(block),
        _ => None,
    });
    // No two blocks of a type have a method of one name, so the names show which of them is being expanded.
    let is_it = |other: &ItemImpl| methods_of(other).eq(methods(block));
    let is_later = blocks.next().is_some_and(|first| !is_it(first)) && blocks.any(is_it);
    let mut modules = items.iter().filter_map(|item| match item {
        Item::Mod(module) => module.content.as_ref(),
        _ => None,
    });
    is_later || modules.any(|(_, items)| is_later_among(items, attribute, name, block))
}

fn is_block(block: &ItemImpl, attribute: &str, name: &Ident) -> bool {
    let is_named = |it: &Attribute, name: &str| {
        let last = it.path().segments.last();
        last.is_some_and(|segment| segment.ident == name)
    };
    let has = |name| block.attrs.iter().any(|it| is_named(it, name));
    let is_of_type =
        types::last_segment(&block.self_ty).is_some_and(|segment| segment.ident == *name);
    let is_conditional = has("cfg") || has("cfg_attr");
    has(attribute) && is_of_type && !is_conditional && block.trait_.is_none()
}

fn methods_of(block: &ItemImpl) -> impl Iterator<Item = &Ident> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(&method.sig.ident),
        _ => None,
    })
}

fn methods(block: &Block) -> impl Iterator<Item = &Ident> {
    block.members.iter().filter_map(|member| match member {
        Member::Method(function) => Some(&function.signature.ident),
        Member::Other(_) | Member::Broken(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, format_ident};

    use super::{Place, attributes_at_end_of, is_attribute_of, is_later_block};
    use crate::block::Block;

    fn above(text: &str) -> Vec<String> {
        let attributes = attributes_at_end_of(text);
        let texts = attributes.iter().map(|it| it.to_token_stream().to_string());
        texts.map(|text| text.replace(' ', "")).collect()
    }

    #[test]
    fn attributes_right_above_are_found() {
        let text = "#[derive(Copy)] struct A;\n/// A message.\n#[doc = \"#[x]\"] #[derive(Debug)]\n// Why.\n";
        assert_eq!(above(text), ["#[derive(Debug)]", "#[doc=\"#[x]\"]"]);
    }

    #[test]
    fn the_text_is_divided_at_the_column_of_a_place() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/source.rs");
        let before = |line, column| {
            let place = Place {
                file: file.into(),
                line,
                column,
            };
            place.text()
        };
        let (first, all) = before(1, 1).expect("a file has a first line");
        assert_eq!((first.as_str(), all.starts_with("//! The")), ("", true));
        assert!(before(1, 5).is_some_and(|(text, _)| text == "//! "));
        assert!(before(2, 3).is_some_and(|(text, _)| text.ends_with("\n//")));
        assert_eq!(before(1_000_000, 1), None);
    }

    #[test]
    fn a_place_that_is_not_where_the_attribute_stands_says_nothing() {
        let is_it = |text| is_attribute_of(text, "command", &format_ident!("Open"));
        assert!(is_it(
            "#[nether::command(reply = u8)]\npub struct Open(u8);"
        ));
        assert!(is_it("#[command] enum Open { A }"));
        assert!(!is_it("#[error(\"command\")]\npub struct Opened;"));
        assert!(!is_it("#[event] struct Open;"));
        assert!(!is_it("pub struct Open; #[command] struct Open;"));
        assert!(!is_it("#[command"));
    }

    #[test]
    fn what_is_no_attribute_ends_them() {
        for text in ["", "let a = b[0]", "#[derive(Debug)] struct A;", "]"] {
            assert_eq!(above(text), [""; 0], "{text}");
        }
    }

    fn is_later(text: &str, methods: &str) -> bool {
        let block: Block =
            syn::parse_str(&format!("impl Orders {{ {methods} }}")).expect("a block");
        is_later_block(text, "module", &format_ident!("Orders"), &block)
    }

    #[test]
    fn the_second_block_of_a_type_is_found_and_the_first_is_not() {
        let text = "#[module(handles = A)] impl Orders { fn a(&self, _: A) {} }\n\
                    #[nether::module(handles = B)] impl Orders { fn b(&self, _: B) {} }";
        assert!(is_later(text, "fn b(&self, _: B) {}"));
        assert!(!is_later(text, "fn a(&self, _: A) {}"));
        let inner = format!("mod inner {{ {text} }}");
        assert!(is_later(&inner, "fn b(&self, _: B) {}"));
    }

    #[test]
    fn blocks_in_several_modules_and_under_conditions_are_of_several_types() {
        let block = "#[module(handles = A)] impl Orders { fn a(&self, _: A) {} }";
        let text = format!("mod one {{ {block} }} mod two {{ {block} }}");
        assert!(!is_later(&text, "fn a(&self, _: A) {}"));
        let text = format!("#[cfg(unix)] {block} #[cfg(not(unix))] {block}");
        assert!(!is_later(&text, "fn a(&self, _: A) {}"));
    }
}
