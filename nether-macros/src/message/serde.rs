//! What `#[serde(..)]` says, as far as it is about reading. What is wrong in it is serde's to report.

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

impl Settings {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut settings = Vec::new();
        for attribute in attributes.iter().filter(|it| it.path().is_ident("serde")) {
            let _ = attribute.parse_nested_meta(|meta| {
                settings.extend(setting(&meta)?);
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

/// A setting; none if it is about writing alone.
fn setting(meta: &ParseNestedMeta<'_>) -> Result<Option<Setting>> {
    let word = meta.path.get_ident().map(Ident::to_string);
    let word = word.unwrap_or_default();
    if !meta.input.peek(token::Paren) {
        let text = value(meta)?;
        return Ok(Some(Setting { word, text }));
    }
    let mut text = None;
    meta.parse_nested_meta(|inner| {
        let value = value(&inner)?;
        if inner.path.is_ident("deserialize") {
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
