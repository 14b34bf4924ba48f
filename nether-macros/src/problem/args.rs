//! The arguments of `#[problem(..)]`, as written.

use syn::{Attribute, LitInt, LitStr, Meta, Path};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen};

const STATUS: Key = Key {
    name: "status",
    form: "status = 409",
};
const TITLE: Key = Key {
    name: "title",
    form: "title = \"..\"",
};
const TYPE: Key = Key {
    name: "type",
    form: "type = \"https://..\"",
};
const WWW_AUTHENTICATE: Key = Key {
    name: "www_authenticate",
    form: "www_authenticate = \"Bearer\"",
};
const RETRY_AFTER: Key = Key {
    name: "retry_after",
    form: "retry_after = \"30s\"",
};
const CRATE: Key = Key {
    name: "crate",
    form: "crate = path",
};

/// Where an attribute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributePlace {
    /// Above the definition, where it also says where the crate is.
    Container,
    Variant,
}

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct ProblemArgs {
    pub(crate) status: Option<LitInt>,
    pub(crate) title: Option<LitStr>,
    /// `type = ".."`.
    pub(crate) type_uri: Option<LitStr>,
    pub(crate) www_authenticate: Option<LitStr>,
    pub(crate) retry_after: Option<LitStr>,
    pub(crate) renamed: Option<Path>,
    /// The keys as written, to point at.
    pub(crate) seen: Seen,
}

impl ProblemArgs {
    /// The one `#[problem(..)]` among the attributes, if there is one.
    pub(crate) fn find(
        attributes: &[Attribute],
        place: AttributePlace,
        diagnostics: &Diagnostics,
    ) -> Option<Self> {
        let mut ours = attributes.iter().filter(|it| is_ours(it));
        let first = ours.next()?;
        for another in ours {
            let message = "`#[problem(..)]` is given twice";
            diagnostics.error(another, message, "write all keys in one");
        }
        Some(ProblemArgs::read(first, place, diagnostics))
    }

    fn read(attribute: &Attribute, place: AttributePlace, diagnostics: &Diagnostics) -> Self {
        let mut args = ProblemArgs::default();
        let Meta::List(list) = &attribute.meta else {
            let message = "`#[problem(..)]` takes keys in parentheses";
            diagnostics.error(attribute, message, "write `#[problem(status = 409)]`");
            return args;
        };
        let grammar = Grammar {
            attribute: "problem",
            keys: match place {
                AttributePlace::Container => {
                    &[STATUS, TITLE, TYPE, WWW_AUTHENTICATE, RETRY_AFTER, CRATE]
                }
                AttributePlace::Variant => &[STATUS, TITLE, TYPE, WWW_AUTHENTICATE, RETRY_AFTER],
            },
        };
        args.seen = grammar.read(list.tokens.clone(), diagnostics, |key, input| {
            match key.to_string().as_str() {
                "status" => args.status = Some(input.parse()?),
                "title" => args.title = Some(input.parse()?),
                "type" => args.type_uri = Some(input.parse()?),
                "www_authenticate" => args.www_authenticate = Some(input.parse()?),
                "retry_after" => args.retry_after = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}

/// Whether the attribute is `#[problem]`.
pub(crate) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("problem")
}
