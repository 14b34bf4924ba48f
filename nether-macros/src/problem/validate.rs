//! The rules for problems.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Generics, ItemEnum, ItemUnion, LitInt, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::problem::args::{AttributePlace, ProblemArgs, is_ours};
use crate::problem::headers;
use crate::problem::model::DerivedItem;
use crate::{features, lints};

/// Stands for a status that is wrong or missing, about which there is an error: so nothing else is wrong.
const UNKNOWN: u16 = 500;

/// A problem that makes sense.
pub(crate) struct CheckedProblem {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) renamed: Option<Path>,
    pub(crate) kinds: Kinds,
    /// What the user allows for it.
    pub(crate) lints: TokenStream,
}

/// Which problems it may be.
pub(crate) enum Kinds {
    /// Always the same one.
    Struct(Kind),
    /// One for each variant.
    Enum(Vec<(Ident, Kind)>),
}

/// One kind of problem.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) status: u16,
    pub(crate) texts: KindTexts,
}

/// The texts of a kind of problem, besides its status.
#[derive(Clone, Default)]
pub(crate) struct KindTexts {
    pub(crate) title: Option<LitStr>,
    pub(crate) type_uri: Option<LitStr>,
    pub(crate) www_authenticate: Option<LitStr>,
    /// In seconds.
    pub(crate) retry_after: Option<u32>,
}

/// What an attribute says, each value sound.
struct ProblemValues {
    status: Option<u16>,
    texts: KindTexts,
}

/// Checks everything; gives nothing for what cannot be a problem.
pub(crate) fn check(definition: DerivedItem, diagnostics: &Diagnostics) -> Option<CheckedProblem> {
    check_feature(diagnostics)?;
    check_fields(&definition, diagnostics);
    let args = ProblemArgs::find(
        definition.attributes(),
        AttributePlace::Container,
        diagnostics,
    );
    let said = args.as_ref().map(|args| check_values(args, diagnostics));
    let kinds = match &definition {
        DerivedItem::Struct(item) => Kinds::Struct(check_struct(&item.ident, said, diagnostics)),
        DerivedItem::Enum(item) => {
            let default = said.map(|said| check_default(item, said, diagnostics));
            Kinds::Enum(check_variants(item, default.as_ref(), diagnostics))
        }
        DerivedItem::Union(item) => return refuse_union(item, diagnostics),
    };
    let lints = lints(&definition);
    let (ident, generics) = definition.into_head();
    Some(CheckedProblem {
        ident,
        generics,
        renamed: args.and_then(|args| args.renamed),
        kinds,
        lints,
    })
}

/// Its variants are named by the code that is made of it, though they may be deprecated.
fn lints(definition: &DerivedItem) -> TokenStream {
    let variants = match definition {
        DerivedItem::Enum(item) => item.variants.iter().collect(),
        DerivedItem::Struct(_) | DerivedItem::Union(_) => Vec::new(),
    };
    let attributes = definition.attributes().iter();
    let inherited = lints::inherited(attributes.clone());
    let deprecated =
        lints::of_deprecated(attributes.chain(variants.into_iter().flat_map(|it| &it.attrs)));
    quote!(#inherited #deprecated)
}

/// Only a web server answers with problems.
fn check_feature(diagnostics: &Diagnostics) -> Option<()> {
    if features::HTTP {
        return Some(());
    }
    let message = "`#[derive(Problem)]` needs the feature `http` of `nether`";
    diagnostics.error_at(Span::call_site(), message, features::ENABLE_HTTP);
    None
}

/// Refuses a union: problems are distinguished by variant.
fn refuse_union(item: &ItemUnion, diagnostics: &Diagnostics) -> Option<CheckedProblem> {
    let message = "`#[derive(Problem)]` is for an `enum` or a `struct`, not a `union`";
    let help = "write an `enum`, with a variant for each problem";
    diagnostics.error(item.union_token, message, help);
    None
}

/// Checks that no field has a `#[problem(..)]`: the fields of a variant do not make another problem of it.
fn check_fields(definition: &DerivedItem, diagnostics: &Diagnostics) {
    for field in definition.fields().into_iter().flatten() {
        for attribute in field.attrs.iter().filter(|it| is_ours(it)) {
            let message = "`#[problem(..)]` stands above a variant or the whole type, not a field";
            diagnostics.error(attribute, message, "remove it");
        }
    }
}

/// The whole of a struct is one problem.
fn check_struct(ident: &Ident, said: Option<ProblemValues>, diagnostics: &Diagnostics) -> Kind {
    let (status, texts) = match said {
        Some(said) => (said.status, said.texts),
        None => (None, KindTexts::default()),
    };
    if status.is_none() {
        let message = format!("`{ident}` does not say its status");
        let help = "write `#[problem(status = 409)]` above it";
        diagnostics.error(ident, message, help);
    }
    Kind {
        status: status.unwrap_or(UNKNOWN),
        texts,
    }
}

/// What stands above an enum is for variants that say nothing, so it has to say everything.
fn check_default(item: &ItemEnum, said: ProblemValues, diagnostics: &Diagnostics) -> ProblemValues {
    let value = said.texts.title.as_ref().or(said.texts.type_uri.as_ref());
    let Some(value) = value.filter(|_| said.status.is_none()) else {
        return said;
    };
    let message = format!(
        "above `{}`, `#[problem(..)]` is for variants that say nothing, but it has no status",
        item.ident
    );
    let help = "add it, `status = 409`; or write this above each variant";
    diagnostics.error(value, message, help);
    ProblemValues {
        status: Some(UNKNOWN),
        ..said
    }
}

/// Each variant is a problem of its own.
fn check_variants(
    item: &ItemEnum,
    default: Option<&ProblemValues>,
    diagnostics: &Diagnostics,
) -> Vec<(Ident, Kind)> {
    let variants = item.variants.iter().map(|variant| {
        let args = ProblemArgs::find(&variant.attrs, AttributePlace::Variant, diagnostics);
        let own = args.map(|args| check_values(&args, diagnostics));
        let kind = check_variant(item, &variant.ident, own.as_ref(), default, diagnostics);
        (variant.ident.clone(), kind)
    });
    variants.collect()
}

/// A variant has what its own attribute says, else what the enum's does. The status of the enum's is also for
/// one that only has a title of its own; but the title is never another status's.
fn check_variant(
    item: &ItemEnum,
    ident: &Ident,
    own: Option<&ProblemValues>,
    default: Option<&ProblemValues>,
    diagnostics: &Diagnostics,
) -> Kind {
    let status = |said: Option<&ProblemValues>| said.and_then(|said| said.status);
    let status = status(own).or(status(default));
    if status.is_none() {
        let message = format!("the variant `{ident}` does not say its status");
        let help = format!(
            "write `#[problem(status = 409)]` above it, or above `{}` for all variants that say nothing",
            item.ident
        );
        diagnostics.error(ident, message, help);
    }
    let text = own.or(default);
    Kind {
        status: status.unwrap_or(UNKNOWN),
        texts: text.map_or_else(KindTexts::default, |said| said.texts.clone()),
    }
}

fn check_values(args: &ProblemArgs, diagnostics: &Diagnostics) -> ProblemValues {
    let status = args.status.as_ref();
    let status = status.map(|status| check_status(status, diagnostics));
    if let Some(title) = &args.title {
        check_title(title, diagnostics);
    }
    if let Some(type_uri) = &args.type_uri {
        check_type(type_uri, diagnostics);
    }
    if let Some(challenge) = &args.www_authenticate {
        headers::check_challenge(challenge, diagnostics);
    }
    let retry_after = args.retry_after.as_ref();
    let retry_after = retry_after.and_then(|it| headers::check_retry_after(it, diagnostics));
    // What was meant for a status is there, if not legible.
    let unread = args.seen.has("status").then_some(UNKNOWN);
    ProblemValues {
        status: status.or(unread),
        texts: KindTexts {
            title: args.title.clone(),
            type_uri: args.type_uri.clone(),
            www_authenticate: args.www_authenticate.clone(),
            retry_after,
        },
    }
}

/// The statuses of errors are those from 400 to 599.
fn check_status(status: &LitInt, diagnostics: &Diagnostics) -> u16 {
    let number = status.base10_parse::<u16>().ok();
    let number = number.filter(|number| (400..=599).contains(number));
    if number.is_none() {
        let message = format!("`status = {status}` is not a status of an error, from 400 to 599");
        let help =
            "write 409 for a conflict, 422 for what makes no sense, 404 for what is not there";
        diagnostics.error(status, message, help);
    }
    number.unwrap_or(UNKNOWN)
}

/// A title is what such problems are called.
fn check_title(title: &LitStr, diagnostics: &Diagnostics) {
    if title.value().trim().is_empty() {
        let message = "the `title` of a problem cannot be empty";
        let help = "write what such problems are called, or remove it for the name of the status";
        diagnostics.error(title, message, help);
    }
}

/// A type is a URI.
fn check_type(type_uri: &LitStr, diagnostics: &Diagnostics) {
    let text = type_uri.value();
    if text.is_empty() || text.contains(char::is_whitespace) {
        let message = format!("the `type` of a problem is a URI, but {text:?} is none");
        let help = "write it like `type = \"https://example.com/problems/paid\"`, or remove it";
        diagnostics.error(type_uri, message, help);
    }
}
