//! What `#[serde(..)]` says about reading, or about writing. Errors in it are serde's to report.

use proc_macro2::Ident;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Lit, Result, Token, token};

/// One setting: `default`, `rename = "id"`, `rename(deserialize = "id")`.
pub(crate) struct Setting {
    word: String,
    /// Its value, if it has one.
    text: Option<String>,
}

/// All settings of a container or of a field.
pub(crate) struct Settings(Vec<Setting>);

/// What settings are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Reading,
    Writing,
}

impl Settings {
    /// Those about reading.
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        Settings::about(attributes, Direction::Reading)
    }

    /// Those about reading, or those about writing.
    pub(crate) fn about(attributes: &[Attribute], direction: Direction) -> Self {
        let mut settings = Vec::new();
        for attribute in attributes.iter().filter(|it| it.path().is_ident("serde")) {
            let _ = attribute.parse_nested_meta(|meta| {
                settings.extend(setting(&meta, direction)?);
                Ok(())
            });
        }
        Settings(settings)
    }

    /// Whether one of the settings is given.
    pub(crate) fn has(&self, words: &[&str]) -> bool {
        self.first(words).is_some()
    }

    /// The first of the settings that is given, in the order in which they are asked for.
    pub(crate) fn first<'a>(&self, words: &[&'a str]) -> Option<&'a str> {
        let is_given = |word: &str| self.0.iter().any(|setting| setting.word == word);
        words.iter().copied().find(|word| is_given(word))
    }

    /// The values of a setting that may be given several times.
    pub(crate) fn texts<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |setting| setting.word == word);
        named.filter_map(|setting| setting.text.as_deref())
    }

    /// The value of a setting.
    pub(crate) fn text<'a>(&'a self, word: &'a str) -> Option<&'a str> {
        self.texts(word).next()
    }
}

/// A setting; none if it is about the other direction alone.
fn setting(meta: &ParseNestedMeta<'_>, direction: Direction) -> Result<Option<Setting>> {
    let of_direction = match direction {
        Direction::Reading => "deserialize",
        Direction::Writing => "serialize",
    };
    let word = meta.path.get_ident().map(Ident::to_string);
    let word = word.unwrap_or_default();
    if !meta.input.peek(token::Paren) {
        let text = value(meta)?;
        return Ok(Some(Setting { word, text }));
    }
    let mut text = None;
    meta.parse_nested_meta(|inner| {
        let value = value(&inner)?;
        if inner.path.is_ident(of_direction) {
            text = value;
        }
        Ok(())
    })?;
    Ok(text.is_some().then_some(Setting { word, text }))
}

fn value(meta: &ParseNestedMeta<'_>) -> Result<Option<String>> {
    if !meta.input.peek(Token![=]) {
        return Ok(None);
    }
    Ok(match meta.value()?.parse()? {
        Lit::Str(text) => Some(text.value()),
        _ => None,
    })
}
