//! Messages with `#[cfg(..)]` or `#[cfg_attr(..)]` inside: an attribute sees these as written, a derive sees
//! what has become of them. So the attribute adds the missing derives, and one of ours, which makes the rest.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, Meta};

use crate::diagnostics::Diagnostics;
use crate::message::args::MessageArgs;
use crate::message::model::{Definition, Model};
use crate::message::{MessageKind, expand, validate};
use crate::paths::Paths;
use crate::{recover, source, spans};

/// The attribute that carries the arguments from the attribute to the derive.
const CARRIER: &str = "__nether_message";

/// Whether what the message is made of depends on the configuration.
pub(crate) fn is_conditional(definition: &Definition) -> bool {
    let is_condition = |attribute: &&Attribute| {
        let path = attribute.path();
        path.is_ident("cfg") || path.is_ident("cfg_attr")
    };
    let inner = definition.inner_attributes();
    inner.iter().any(is_condition)
}

/// The definition with its derives, among them ours.
pub(crate) fn postponed(
    kind: MessageKind,
    arguments: TokenStream,
    definition: Definition,
) -> TokenStream {
    let (diagnostics, later) = (Diagnostics::new(), Diagnostics::new());
    // The derive reports the mistakes in them.
    let args = MessageArgs::parse(kind, arguments.clone(), &later);
    let _ = later.check();
    let above = source::attributes_above(kind.word(), definition.ident());
    let paths = Paths::new(args.renamed.clone());
    let mut model = Model::new(kind, args, definition, above);
    let derived_above = validate::check_attributes(&mut model, &diagnostics);
    let derives = expand::derives(
        &model.definition,
        model.args.is_local,
        &derived_above,
        &paths,
    );
    let (p, definition) = (paths.private(), &model.definition);
    let [carrier, word] = [CARRIER, kind.word()].map(|name| spans::name(name, spans::attribute()));
    let expansion = quote_spanned! {spans::attribute()=>
        #derives
        #[derive(#p::ConditionalMessage)]
        #[#carrier(#word #arguments)]
        #definition
    };
    recover::finish(kind.word(), diagnostics, expansion)
}

/// What the derive makes of the definition: all but the definition itself.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let mut definition = match syn::parse2::<Definition>(item) {
        Ok(definition) => definition,
        Err(error) => return recover::unparsed(TokenStream::new(), diagnostics, Some(error)),
    };
    let is_carrier = |attribute: &Attribute| attribute.path().is_ident(CARRIER);
    let carried = definition.take_attributes(is_carrier);
    let Some((kind, arguments)) = carried.first().and_then(unpacked) else {
        let message =
            "write `#[command]`, `#[query]` or `#[event]`: they derive this where they need it";
        let error = syn::Error::new(spans::attribute(), message);
        return recover::unparsed(TokenStream::new(), diagnostics, Some(error));
    };
    let args = MessageArgs::parse(kind, arguments, &diagnostics);
    let model = Model::new(kind, args, definition, Vec::new());
    let checked = validate::check(model, &diagnostics);
    let support = expand::beside(&checked);
    recover::finish(kind.word(), diagnostics, quote!(#support))
}

/// The kind of message, and the arguments of its attribute.
fn unpacked(carrier: &Attribute) -> Option<(MessageKind, TokenStream)> {
    let Meta::List(list) = &carrier.meta else {
        return None;
    };
    let parts =
        |input: ParseStream<'_>| Ok((input.parse::<Ident>()?, input.parse::<TokenStream>()?));
    let (word, arguments) = parts.parse2(list.tokens.clone()).ok()?;
    let kinds = [MessageKind::Command, MessageKind::Query, MessageKind::Event];
    let kind = kinds.into_iter().find(|kind| word == kind.word())?;
    Some((kind, arguments))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::{derive, is_conditional};
    use crate::message::model::Definition;
    use crate::message::{MessageKind, attribute};

    fn is(item: proc_macro2::TokenStream) -> bool {
        is_conditional(&syn::parse2::<Definition>(item).expect("a struct or an enum"))
    }

    #[test]
    fn conditions_may_stand_on_fields_and_variants() {
        assert!(is(quote!(
            struct A {
                #[cfg(unix)]
                b: u8,
            }
        )));
        assert!(is(quote!(
            struct A(#[cfg_attr(unix, serde(skip))] u8);
        )));
        assert!(is(quote!(
            enum A {
                #[cfg(unix)]
                B,
                C,
            }
        )));
        assert!(is(quote!(
            enum A {
                B {
                    #[cfg_attr(unix, doc = "c")]
                    c: u8,
                },
            }
        )));
        assert!(!is(quote!(
            #[cfg(unix)]
            struct A {
                #[serde(skip)]
                b: u8,
            }
        )));
    }

    #[test]
    fn the_derive_makes_what_the_attribute_would_have_made() {
        let arguments = quote!(reply = u8, key = b);
        let whole = attribute(
            MessageKind::Command,
            arguments.clone(),
            quote!(
                struct A {
                    b: u8,
                }
            ),
        );
        let beside = derive(quote!(
            #[__nether_message(command #arguments)]
            struct A {
                b: u8,
            }
        ));
        let (whole, beside) = (whole.to_string(), beside.to_string());
        assert!(whole.ends_with(&beside), "{whole}\n{beside}");
        let carried = attribute(
            MessageKind::Command,
            arguments,
            quote!(
                struct A {
                    #[cfg(unix)]
                    b: u8,
                }
            ),
        );
        let carried = carried.to_string();
        assert!(
            carried.contains("# [__nether_message (command reply = u8 , key = b)]"),
            "{carried}"
        );
        assert!(!carried.contains("const _"), "{carried}");
    }
}
