//! The arguments of an attribute: `key = value` or a bare `key`, with commas between.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Result, Token, Type, bracketed, token};

use crate::diagnostics::Diagnostics;
use crate::suggest;

/// A key that an attribute knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// How it is written, for errors. A form without `=` has no value; one with "` or `" may be without.
    pub(crate) form: &'static str,
}

/// An attribute and its keys.
pub(crate) struct Grammar {
    pub(crate) attribute: &'static str,
    pub(crate) keys: &'static [Key],
}

/// The keys that were given.
#[derive(Default)]
pub(crate) struct Seen {
    /// The known ones as written, whether or not their values are sound.
    written: Vec<Ident>,
    /// The known ones that unknown ones are most likely slips of.
    meant: Vec<&'static str>,
}

impl Seen {
    /// The key as written, to point at.
    pub(crate) fn written(&self, key: &str) -> Option<&Ident> {
        self.written.iter().find(|written| *written == key)
    }

    /// Whether the key was given, or a slip of it: then nothing is missing.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.written(key).is_some() || self.meant.contains(&key)
    }
}

/// Types given to a key: one, or a list in brackets.
pub(crate) struct TypeList {
    /// The key, to point at when the list as a whole is meant.
    pub(crate) key: Ident,
    pub(crate) types: Vec<Type>,
}

/// The key for the messages that are handled, in the attributes that have it.
const HANDLES: &str = "handles";

impl Grammar {
    /// Reads the arguments: `value` is called once for each known key, with the input behind its `=`.
    pub(crate) fn read(
        &self,
        arguments: TokenStream,
        diagnostics: &Diagnostics,
        mut value: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
    ) -> Seen {
        let mut seen = Seen::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                self.read_one(input, diagnostics, &mut seen, &mut value);
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(arguments) {
            diagnostics.push(error);
        }
        seen
    }

    fn read_one(
        &self,
        input: ParseStream<'_>,
        diagnostics: &Diagnostics,
        seen: &mut Seen,
        value: &mut impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
    ) {
        let Ok(name) = input.call(Ident::parse_any) else {
            diagnostics.error(input.cursor().token_stream(), self.expected(), self.known());
            return skip(input);
        };
        let Some(key) = self.keys.iter().find(|key| name == key.name) else {
            return self.read_unknown(&name, input, diagnostics, seen, value);
        };
        if seen.written.contains(&name) {
            let message = format!("`{name}` is given twice in `#[{}(..)]`", self.attribute);
            diagnostics.error(&name, message, format!("keep one: `{}`", key.form));
            return skip(input);
        }
        if let Err(place) = self.read_value(key, &name, input, value) {
            let message = format!(
                "`{name}` in `#[{}(..)]` is not written like this",
                self.attribute
            );
            diagnostics.error(place, message, format!("write `{}`", key.form));
            skip(input);
        }
        seen.written.push(name);
    }

    /// An unknown key that is most likely a slip of a known one is read as that, so that nothing else is
    /// missing.
    fn read_unknown(
        &self,
        name: &Ident,
        input: ParseStream<'_>,
        diagnostics: &Diagnostics,
        seen: &mut Seen,
        value: &mut impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
    ) {
        if self.read_bare_types(name, input, diagnostics, seen, value) {
            return;
        }
        let names = self.keys.iter().map(|key| key.name);
        let nearest = suggest::nearest(&name.to_string(), names);
        let guess = nearest.map_or(String::new(), |nearest| {
            format!(": did you mean `{nearest}`?")
        });
        let message = format!("`#[{}(..)]` has no key `{name}`{guess}", self.attribute);
        diagnostics.error(name, message, self.known());
        let meant = self.keys.iter().find(|key| Some(key.name) == nearest);
        let Some(meant) = meant.filter(|key| !seen.has(key.name)) else {
            return skip(input);
        };
        seen.meant.push(meant.name);
        let name = Ident::new(meant.name, name.span());
        if self.read_value(meant, &name, input, value).is_err() {
            skip(input);
        }
    }

    /// Types without a key, where there is a key for those that are handled: whether `name` is the first.
    fn read_bare_types(
        &self,
        name: &Ident,
        input: ParseStream<'_>,
        diagnostics: &Diagnostics,
        seen: &mut Seen,
        value: &mut impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
    ) -> bool {
        let has_list = self.keys.iter().any(|key| key.name == HANDLES);
        if !has_list || !is_bare_type(name, input) {
            return false;
        }
        let mut types = vec![name.clone()];
        while let Some(next) = next_bare_type(input) {
            types.push(next);
        }
        skip(input);
        let names: Vec<String> = types.iter().map(Ident::to_string).collect();
        let message = format!(
            "`#[{}(..)]` takes messages as `{HANDLES} = [..]`",
            self.attribute
        );
        let help = format!("write `{HANDLES} = [{}]`", names.join(", "));
        diagnostics.error(quote!(#(#types)*), message, help);
        if !seen.has(HANDLES) {
            seen.meant.push(HANDLES);
            let key = Ident::new(HANDLES, name.span());
            let _ = (|input: ParseStream<'_>| value(&key, input)).parse2(quote!([#(#types),*]));
        }
        true
    }

    /// The value of a key and the comma behind it; what is wrong about it otherwise.
    fn read_value(
        &self,
        key: &Key,
        name: &Ident,
        input: ParseStream<'_>,
        value: &mut impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
    ) -> std::result::Result<(), TokenStream> {
        let may_be_bare = !key.form.contains('=') || key.form.contains("` or `");
        let may_have_value = key.form.contains('=');
        let name_alone = || quote::ToTokens::to_token_stream(name);
        let has_value = may_have_value && input.parse::<Token![=]>().is_ok();
        if !has_value && !may_be_bare {
            return Err(name_alone());
        }
        let next = next_token(input).unwrap_or_else(name_alone);
        value(name, input).map_err(|_| next)?;
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            return Err(next_token(input).unwrap_or_else(name_alone));
        }
        Ok(())
    }

    fn expected(&self) -> String {
        format!(
            "`#[{}(..)]` takes keys, with commas between",
            self.attribute
        )
    }

    fn known(&self) -> String {
        format!(
            "known keys are {}",
            suggest::listed(self.keys.iter().map(|key| key.form))
        )
    }
}

impl TypeList {
    /// One type, or a list in brackets.
    pub(crate) fn parse(key: &Ident, input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(token::Bracket) {
            return Ok(TypeList {
                key: key.clone(),
                types: vec![input.parse()?],
            });
        }
        let content;
        bracketed!(content in input);
        let types = Punctuated::<Type, Token![,]>::parse_terminated(&content)?;
        Ok(TypeList {
            key: key.clone(),
            types: types.into_iter().collect(),
        })
    }
}

/// Whether a key is written like a type instead.
fn is_bare_type(name: &Ident, input: ParseStream<'_>) -> bool {
    name.to_string().starts_with(char::is_uppercase) && !input.peek(Token![=])
}

/// The bare type behind the next comma.
fn next_bare_type(input: ParseStream<'_>) -> Option<Ident> {
    let fork = input.fork();
    fork.parse::<Token![,]>().ok()?;
    let name: Ident = fork.parse().ok()?;
    is_bare_type(&name, &fork).then(|| {
        input.advance_to(&fork);
        name
    })
}

fn next_token(input: ParseStream<'_>) -> Option<TokenStream> {
    let (token, _) = input.cursor().token_tree()?;
    Some(token.into())
}

/// Goes on behind the next comma that is not inside of a generic type.
fn skip(input: ParseStream<'_>) {
    let mut depth = 0_usize;
    while let Ok(token) = input.parse::<TokenTree>() {
        let TokenTree::Punct(punct) = token else {
            continue;
        };
        match punct.as_char() {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return,
            _ => {}
        }
    }
}
