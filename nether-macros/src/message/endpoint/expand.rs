//! The code of an endpoint: what is known of the message, how it is served, and its registration.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use crate::message::MessageKind;
use crate::message::checked::CheckedMessage;
use crate::message::endpoint::{Endpoint, status, unique};
use crate::message::fields::{Absence, Field, Shape};
use crate::message::serde::{Direction, Settings};
use crate::paths::Paths;
use crate::spans::{self, Extent};
use crate::{docs, lints};

/// What the message's descriptor says of its endpoint.
pub(crate) fn descriptor(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let Some(endpoint) = &message.endpoint else {
        return quote!(#p::Option::None);
    };
    let (verb, path) = (endpoint.verb.word(), &endpoint.path.text);
    quote_spanned! {spans::attribute()=>
        #p::Option::Some(#p::EndpointDescriptor { verb: #verb, path: #path })
    }
}

/// All else, if the message is an endpoint.
pub(crate) fn expand(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let endpoint = message.endpoint.as_ref()?;
    let p = paths.private();
    let described = described(message, endpoint, paths);
    let called = (message.kind != MessageKind::Event).then(|| called(message, endpoint, paths));
    let entry = entry(message, endpoint, paths);
    let unique = unique(endpoint);
    let flat = flat(message, endpoint, paths);
    let content = content(message, endpoint, paths);
    Some(quote_spanned! {spans::attribute()=>
        use #p::http::Otherwise as _;
        #flat
        #content
        #described
        #called
        static ENDPOINT: #p::http::EndpointEntry = #entry;
        #p::inventory::submit! { #p::http::EndpointRegistration(&ENDPOINT) }
        #unique
    })
}

/// What may be flattened: serde keeps such values before it knows their types. Shown at the type.
fn flat(message: &CheckedMessage, endpoint: &Endpoint, paths: &Paths) -> TokenStream {
    let Shape::Fields(fields) = &endpoint.shape else {
        return TokenStream::new();
    };
    let check = match message.kind {
        MessageKind::Event => return TokenStream::new(),
        _ if endpoint.verb.has_body() => "flat_in_body",
        _ => "flat_in_query",
    };
    let flat = fields.iter().filter(|field| field.is_flat);
    let checks = flat.map(|field| {
        let ty = &field.ty;
        let Extent { start, end } = Extent::of(ty);
        let p = paths.private_at(start);
        let check = Ident::new(check, end);
        let probe = quote_spanned!(start=> #p::http::Probe::<#ty>);
        let checked = quote_spanned!(end=> #p::http::#check::<#ty>(#probe::IS_OPTION));
        quote_spanned!(spans::attribute()=> const _: () = #checked;)
    });
    checks.collect()
}

/// Checks that there is no reply if the status allows no content. The error is shown at the status.
fn content(message: &CheckedMessage, endpoint: &Endpoint, paths: &Paths) -> Option<TokenStream> {
    let status = endpoint.status.filter(|it| status::has_no_content(*it))?;
    let (written, reply) = (message.args.status.as_ref()?, message.args.reply.as_ref()?);
    let (p, place) = (paths.private(), written.span());
    let said = status::content(status, reply);
    let is_nothing = quote!(#p::http::Probe::<#reply>::IS_NOTHING);
    let shown = paths.private_at(place);
    let checked = quote_spanned!(place=> #shown::http::without_content(#is_nothing, #said));
    Some(quote_spanned!(spans::attribute()=> const _: () = #checked;))
}

/// What requests are read as.
fn described(message: &CheckedMessage, endpoint: &Endpoint, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let ident = message.definition.ident();
    let attributes = message.definition.attributes();
    let docs = docs::text(attributes);
    let is_deprecated = attributes.iter().any(lints::is_deprecated);
    let shape = shape(&endpoint.shape, message.kind, paths);
    let form = form(message, paths);
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::http::Endpoint for #ident {
            const SHAPE: #p::http::Shape = #shape;
            const DOCS: &'static str = #docs;
            const IS_DEPRECATED: bool = #is_deprecated;
            fn schema(schemas: &mut #p::http::Schemas) -> #p::Option<#p::http::Schema> {
                #p::http::Probe::<Self>::own_schema(schemas)
            }
            #form
        }
    }
}

/// What an event looks like that is written as another type.
fn form(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let p = paths.private();
    let attributes = message.definition.attributes();
    let settings = Settings::about(attributes, Direction::Writing);
    let written: Type = syn::parse_str(settings.text("into")?).ok()?;
    (message.kind == MessageKind::Event).then(|| {
        quote_spanned! {spans::attribute()=>
            fn form() -> #p::http::FieldForm {
                #p::http::Probe::<#written>::form()
            }
        }
    })
}

fn shape(shape: &Shape, kind: MessageKind, paths: &Paths) -> TokenStream {
    let p = paths.private();
    match shape {
        Shape::Fields(fields) => {
            let fields = fields.iter().map(|it| field(it, kind, paths));
            quote_spanned!(spans::attribute()=> #p::http::Shape::Fields(&[#(#fields),*]))
        }
        Shape::Opaque(_) => quote_spanned!(spans::attribute()=> #p::http::Shape::Opaque),
    }
}

fn field(field: &Field, kind: MessageKind, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let Field {
        name,
        ident,
        docs,
        ty,
        is_flat,
        aliases,
        is_deprecated,
        ..
    } = field;
    let is_optional = match field.absence {
        Absence::Default => quote!(true),
        Absence::Error => quote!(false),
        Absence::ByType => quote!(#p::http::Probe::<#ty>::IS_OPTION),
    };
    // In place of a flattened field stand its own.
    let schema = if *is_flat { "in_full" } else { "schema" };
    let schema = spans::name(schema, spans::attribute());
    let explain = match is_flat {
        true => quote!(#p::Option::Some(#p::http::Probe::<#ty>::explain)),
        false => quote!(#p::Option::None),
    };
    let form = match kind {
        MessageKind::Event if !field.is_custom => quote!(#p::http::Probe::<#ty>::form),
        _ => quote!(#p::http::FieldForm::unknown),
    };
    quote_spanned! {spans::attribute()=>
        #p::http::Field {
            name: #name,
            ident: #ident,
            aliases: &[#(#aliases),*],
            docs: #docs,
            is_optional: #is_optional,
            is_flat: #is_flat,
            is_deprecated: #is_deprecated,
            schema: #p::http::Probe::<#ty>::#schema,
            explain: #explain,
            form: #form,
        }
    }
}

/// What requests are answered with: the reply of a command or query.
fn called(message: &CheckedMessage, endpoint: &Endpoint, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let ident = message.definition.ident();
    let (reply, error) = (message.reply(), message.error(paths));
    let status = match endpoint.status {
        Some(status) => quote!(#p::Option::Some(#status)),
        None => quote!(#p::Option::None),
    };
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::http::CallEndpoint for #ident {
            const STATUS: #p::Option<u16> = #status;
            const REPLY: #p::http::ReplyShape = #p::http::ReplyShape {
                is_nothing: #p::http::Probe::<#reply>::IS_NOTHING,
                is_optional: #p::http::Probe::<#reply>::IS_OPTION,
                schema: #p::http::Probe::<#reply>::schema,
                status: #p::http::Probe::<#reply>::STATUS,
                headers: #p::http::Probe::<#reply>::HEADERS,
            };
            fn problems() -> &'static [#p::http::ProblemKind] {
                #p::http::Probe::<#error>::problems()
            }
            fn headers(reply: &#reply) -> #p::Option<#p::http::ReplyHeaders> {
                #p::http::Probe::<#reply>::headers(reply)
            }
            fn problem(error: &#error) -> #p::Option<#p::http::Details> {
                #p::http::Probe::<#error>::problem(error)
            }
        }
    }
}

/// How it is served. It asks here for a reply that can be written, so the compiler's error is at the literal.
fn entry(message: &CheckedMessage, endpoint: &Endpoint, paths: &Paths) -> TokenStream {
    let span = endpoint.literal.span();
    let p = paths.private_at(span);
    let ident = spans::moved(message.definition.ident(), span);
    match message.kind {
        MessageKind::Command | MessageKind::Query => {
            quote_spanned!(span=> #p::http::EndpointEntry::call::<#ident>())
        }
        MessageKind::Event => quote_spanned!(span=> #p::http::EndpointEntry::feed::<#ident>()),
    }
}

/// What only one endpoint in a crate may define. All of it stands at the literal: there the compiler shows
/// the two. Inside of a function, the lint `non_local_definitions` says that an endpoint is one of the whole
/// program; a user who wants that allows it above the message.
fn unique(endpoint: &Endpoint) -> TokenStream {
    let span = endpoint.literal.span();
    let name = Ident::new(&unique::name(endpoint.verb, &endpoint.path), span);
    quote_spanned! {span=>
        #[doc(hidden)]
        #[macro_export]
        macro_rules! #name {
            () => {};
        }
    }
}
