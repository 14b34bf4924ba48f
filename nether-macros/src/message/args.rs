//! The arguments of a message attribute, as written.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{LitInt, LitStr, Path, Result, Token, Type, bracketed, token};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen};
use crate::message::MessageKind;
use crate::message::requirement::{Requirement, requirements};

const REPLY: Key = Key {
    name: "reply",
    form: "reply = Type",
};
const ERROR: Key = Key {
    name: "error",
    form: "error = Type",
};
const NAME: Key = Key {
    name: "name",
    form: "name = \"a.stable.name\"",
};
const KEY: Key = Key {
    name: "key",
    form: "key = field",
};
const LOCAL: Key = Key {
    name: "local",
    form: "local",
};
const REQUIRES: Key = Key {
    name: "requires",
    form: "requires = \"a.role\"",
};
const STATUS: Key = Key {
    name: "status",
    form: "status = 202",
};
const VALIDATE: Key = Key {
    name: "validate",
    form: "validate` or `validate = function",
};
const CRATE: Key = Key {
    name: "crate",
    form: "crate = path",
};

const VERSION: Key = Key {
    name: "version",
    form: "version = 2",
};
const UPCAST: Key = Key {
    name: "upcast",
    form: "upcast = [from_v1, ..]",
};
const BECOMES: Key = Key {
    name: "becomes",
    form: "becomes = function",
};

const COMMAND: &[Key] = &[
    REPLY,
    ERROR,
    NAME,
    KEY,
    LOCAL,
    http("http = \"POST /path\""),
    STATUS,
    REQUIRES,
    VALIDATE,
    CRATE,
];
const QUERY: &[Key] = &[
    REPLY,
    ERROR,
    NAME,
    KEY,
    LOCAL,
    http("http = \"GET /path\""),
    STATUS,
    REQUIRES,
    VALIDATE,
    CRATE,
];
const EVENT: &[Key] = &[
    REPLY,
    ERROR,
    NAME,
    KEY,
    LOCAL,
    http("http = \"SSE /path\""),
    STATUS,
    REQUIRES,
    VALIDATE,
    VERSION,
    UPCAST,
    BECOMES,
    CRATE,
];

const fn http(form: &'static str) -> Key {
    Key { name: "http", form }
}

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct MessageArgs {
    pub(crate) reply: Option<Type>,
    pub(crate) error: Option<Type>,
    pub(crate) name: Option<LitStr>,
    pub(crate) key: Option<Ident>,
    pub(crate) is_local: bool,
    pub(crate) http: Option<LitStr>,
    pub(crate) status: Option<LitInt>,
    pub(crate) requires: Option<Vec<Requirement>>,
    pub(crate) validate: Option<Validation>,
    pub(crate) version: Option<LitInt>,
    pub(crate) upcast: Option<Vec<Path>>,
    pub(crate) becomes: Option<Path>,
    pub(crate) renamed: Option<Path>,
    /// Whether it is a message of the framework itself.
    pub(crate) is_of_framework: bool,
    /// The keys as written, to point at.
    pub(crate) seen: Seen,
}

/// What checks the rules of a message.
pub(crate) enum Validation {
    /// What it derives; the key as written.
    Derived(Ident),
    Function(Path),
}

impl Validation {
    fn parse(key: &Ident, input: ParseStream<'_>) -> Result<Self> {
        let is_bare = input.is_empty() || input.peek(Token![,]);
        Ok(match is_bare {
            true => Validation::Derived(key.clone()),
            false => Validation::Function(input.parse()?),
        })
    }
}

impl MessageArgs {
    pub(crate) fn parse(
        kind: MessageKind,
        arguments: TokenStream,
        diagnostics: &Diagnostics,
    ) -> Self {
        let grammar = Grammar {
            attribute: kind.word(),
            keys: match kind {
                MessageKind::Command => COMMAND,
                MessageKind::Query => QUERY,
                MessageKind::Event => EVENT,
            },
        };
        let (is_of_framework, arguments) = of_framework(arguments);
        let mut args = MessageArgs {
            is_of_framework,
            ..MessageArgs::default()
        };
        args.seen = grammar.read(arguments, diagnostics, |key, input| {
            match key.to_string().as_str() {
                "reply" => args.reply = Some(input.parse()?),
                "error" => args.error = Some(input.parse()?),
                "name" => args.name = Some(input.parse()?),
                "key" => args.key = Some(input.parse()?),
                "http" => args.http = Some(input.parse()?),
                "status" => args.status = Some(input.parse()?),
                "requires" => args.requires = Some(requirements(input)?),
                "validate" => args.validate = Some(Validation::parse(key, input)?),
                "version" => args.version = Some(input.parse()?),
                "upcast" => args.upcast = Some(paths(input)?),
                "becomes" => args.becomes = Some(input.parse()?),
                "local" => args.is_local = true,
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}

/// Takes the mark of the framework's own messages off the arguments. It is no key, so that no help names it;
/// outside of `nether` the code that it leads to does not compile.
fn of_framework(arguments: TokenStream) -> (bool, TokenStream) {
    let mut tokens = arguments.clone().into_iter();
    match tokens.next() {
        Some(TokenTree::Ident(mark)) if mark == "__framework" => (true, tokens.skip(1).collect()),
        _ => (false, arguments),
    }
}

/// One path, or a list in brackets.
fn paths(input: ParseStream<'_>) -> Result<Vec<Path>> {
    if !input.peek(token::Bracket) {
        return Ok(vec![input.parse()?]);
    }
    let content;
    bracketed!(content in input);
    let paths = Punctuated::<Path, Token![,]>::parse_terminated(&content)?;
    Ok(paths.into_iter().collect())
}
