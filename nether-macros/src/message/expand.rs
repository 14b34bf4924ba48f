//! The code of a checked message: missing derives, its `impl`s, and its registration.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::message::args::Validation;
use crate::message::checked::CheckedMessage;
use crate::message::model::Definition;
use crate::message::{MessageKind, access, endpoint, stored};
use crate::paths::Paths;
use crate::spans::{self, Extent};
use crate::{features, home, lints};

/// What a message derives, unless it is local.
pub(super) const DERIVED: [&str; 4] = ["Debug", "Clone", "Serialize", "Deserialize"];

pub(crate) fn expand(message: &CheckedMessage) -> TokenStream {
    let paths = Paths::new(message.args.renamed.clone());
    let (definition, args) = (&message.definition, &message.args);
    let derives = derives(definition, args.is_local, &message.derived_above, &paths);
    let beside = beside(message);
    quote!(#derives #definition #beside)
}

/// All but the definition.
pub(crate) fn beside(message: &CheckedMessage) -> Option<TokenStream> {
    let paths = Paths::new(message.args.renamed.clone());
    message.is_message.then(|| support(message, &paths))
}

/// The derives that the user did not write.
pub(crate) fn derives(
    definition: &Definition,
    is_local: bool,
    above: &[Ident],
    paths: &Paths,
) -> TokenStream {
    if is_local {
        return TokenStream::new();
    }
    let is_above = |name: &str| above.iter().any(|above| above == name);
    let missing = |name: &str| {
        // A generic message is refused already: serde's errors about arrays of any length would only hide
        // that.
        let has_length = definition.generics().const_params().next().is_some();
        let is_refused = has_length && matches!(name, "Serialize" | "Deserialize");
        !definition.derives(name) && !is_above(name) && !is_refused
    };
    let span = spans::attribute();
    let p = paths.private();
    let list: Vec<TokenStream> = DERIVED
        .into_iter()
        .filter(|name| missing(name))
        .map(|name| {
            let name = spans::name(name, span);
            quote_spanned!(span=> #p::derived_unless_local::#name)
        })
        .collect();
    let ours_alone =
        missing("Serialize") && missing("Deserialize") && !definition.says_serde_crate();
    let place = ours_alone.then(|| paths.serde_for(definition.ident()));
    let (named, serde) = place.unzip();
    let place = serde.map(|serde| quote_spanned!(span=> #[serde(crate = #serde)]));
    let derive = (!list.is_empty()).then(|| quote_spanned!(span=> #[derive(#(#list),*)]));
    quote!(#named #derive #place)
}

fn support(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let descriptor = descriptor(message, paths);
    let implementation = implementation(message, paths);
    let kind = kind(message, paths);
    let endpoint = endpoint::expand(message, paths);
    let keyed = keyed(message, paths);
    let listed = stored::listed(message, paths);
    let stored = stored::expand(message, paths);
    let lints = lints(&message.definition);
    quote_spanned! {spans::attribute()=>
        #lints
        const _: () = {
            #descriptor
            #implementation
            #kind
            #endpoint
            #keyed
            #listed
            #stored
            #p::inventory::submit! { #p::MessageRegistration(&DESCRIPTOR) }
        };
    }
}

/// What the user allows for the message; and its fields are named by generated code, though they may be
/// deprecated.
fn lints(definition: &Definition) -> TokenStream {
    let attributes = definition.attributes().iter();
    let inherited = lints::inherited(attributes.clone());
    let deprecated = lints::of_deprecated(attributes.chain(definition.inner_attributes()));
    quote!(#inherited #deprecated)
}

fn descriptor(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let ident = message.definition.ident();
    let kind = spans::name(message.kind.type_name(), spans::attribute());
    let key = match &message.key {
        Some((field, _)) => {
            let field = field.unraw().to_string();
            quote!(#p::Option::Some(#field))
        }
        None => quote!(#p::Option::None),
    };
    let endpoint = endpoint::descriptor(message, paths);
    let access = access::described(message, paths);
    let own = message
        .args
        .is_of_framework
        .then(|| quote!(.of_framework()));
    quote_spanned! {spans::attribute()=>
        static DESCRIPTOR: #p::MessageDescriptor = #p::MessageDescriptor::new(
            #p::MessageKind::#kind,
            #p::Declaration {
                name: <#ident as #p::Message>::NAME,
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
            #key,
            #endpoint,
        ) #access #own;
    }
}

fn implementation(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let ident = message.definition.ident();
    let kind = spans::name(message.kind.type_name(), spans::attribute());
    let reply = shown("Reply", message.args.reply.as_ref(), message.reply());
    let error = shown("Error", message.args.error.as_ref(), message.error(paths));
    let parcel = match message.kind {
        MessageKind::Command | MessageKind::Query => quote!(#p::Given<Self>),
        MessageKind::Event => quote!(#p::Shown<Self>),
    };
    let (name, key) = (name(message), key(message, paths));
    let home = home::of_message();
    let json = (!message.args.is_local).then(|| {
        quote_spanned! {spans::attribute()=>
            fn to_json(&self) -> #p::Option<#p::String> {
                #p::to_json(self)
            }
            fn copied(&self) -> #p::Option<Self> {
                #p::Option::Some(#p::Clone::clone(self))
            }
        }
    });
    let refusal = refusal(message, paths);
    let access = access::constant(message, paths);
    let is_compared = message.kind == MessageKind::Command;
    let content = (is_compared && !message.args.is_local).then(|| {
        quote_spanned! {spans::attribute()=>
            const CONTENT: #p::Option<#p::WriteContent<Self>> = #p::Option::Some(#p::content::<Self>);
        }
    });
    let validate = validate(message, paths);
    let unhandled = format!(
        "no module listed in `modules` handles the {} `",
        message.kind.word()
    );
    let duplicate = format!(
        "two modules listed in `modules` handle the {} `",
        message.kind.word()
    );
    let circular = "`: publish an event instead, or let one of them take what it asks for as part of its message";
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::Message for #ident {
            #reply
            #error
            type Itself = Self;
            type Parcel = #parcel;
            const NAME: &'static str = ::core::concat!(#name);
            const KIND: #p::MessageKind = #p::MessageKind::#kind;
            const CRATE: u64 = #home;
            const PROOF: #p::MessageProof = #p::MessageProof {
                descriptor: <Self as #p::Message>::descriptor,
                id: <Self as #p::Message>::ID,
                kind: #p::MessageKind::#kind,
                unhandled: ::core::concat!(#unhandled, #name, "`: list the module that does"),
                duplicate: ::core::concat!(#duplicate, #name, "`: keep one"),
                circular: ::core::concat!("modules listed in `modules` wait for each other in a circle that closes with `", #name, #circular),
            };
            #content
            #access
            #validate
            fn descriptor() -> &'static #p::MessageDescriptor {
                &DESCRIPTOR
            }
            #json
            #refusal
            #key
        }
    }
}

/// What checks the rules. An error in it is shown where it is written.
fn validate(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let p = paths.private();
    let ident = message.definition.ident();
    let rules = match message.args.validate.as_ref()? {
        Validation::Derived(key) => {
            let p = paths.private_at(key.span());
            quote_spanned!(key.span()=> #p::derived_rules::<#ident>)
        }
        Validation::Function(path) => quote!(#path),
    };
    Some(quote_spanned! {spans::attribute()=>
        const VALIDATE: #p::Option<#p::Validate<Self>> = {
            let rules: #p::Validate<#ident> = #rules;
            #p::Option::Some(rules)
        };
    })
}

/// Which errors are refusals: what the error's own type says, if it says anything. The constant uses the
/// import, whatever the error is: an `allow` cannot stand where a program forbids unused imports.
fn refusal(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let p = paths.private();
    let can_fail = message.kind != MessageKind::Event;
    (features::HTTP && can_fail).then(|| {
        quote_spanned! {spans::attribute()=>
            fn is_refusal(error: &<Self as #p::Message>::Error) -> bool {
                use #p::http::Otherwise as _;
                const _: bool = #p::http::Probe::<()>::IS_OPTION;
                #p::http::Probe::<<Self as #p::Message>::Error>::is_refusal(error)
            }
        }
    })
}

/// An associated type, shown where it is written.
fn shown(name: &str, written: Option<&Type>, ty: TokenStream) -> TokenStream {
    let Some(written) = written else {
        let name = spans::name(name, spans::attribute());
        return quote_spanned!(spans::attribute()=> type #name = #ty;);
    };
    let Extent { start, end } = Extent::of(written);
    let name = Ident::new(name, start);
    let end = quote_spanned!(end=> ;);
    quote_spanned!(start=> type #name = #ty #end)
}

/// The pieces of the stable name, for `concat!`.
fn name(message: &CheckedMessage) -> TokenStream {
    match &message.args.name {
        Some(name) => quote!(#name),
        None => {
            let ident = message.definition.ident().unraw().to_string();
            quote_spanned!(spans::attribute()=> ::core::module_path!(), "::", #ident)
        }
    }
}

/// What only this kind of message is.
fn kind(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let ident = message.definition.ident();
    let kind = spans::name(message.kind.type_name(), spans::attribute());
    let itself = spans::name(message.kind.itself(), spans::attribute());
    let more = match message.kind {
        MessageKind::Command => quote!(#p::ByValue for #ident { type Access = #p::Writes; }),
        MessageKind::Query => quote!(#p::ByValue for #ident { type Access = #p::Reads; }),
        MessageKind::Event => quote! {
            #p::HandledBy<#p::AnyNumberOfModules> for #ident {
                fn handler() -> #p::Option<&'static #p::Declaration> {
                    #p::Option::None
                }
            }
        },
    };
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::#kind for #ident {
            type #itself = Self;
        }
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #more
    }
}

/// The field of `key` says which thing the message is for.
fn keyed(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let (field, ty) = message.key.as_ref()?;
    let (p, ident) = (paths.private(), message.definition.ident());
    Some(quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::Keyed for #ident {
            type Key = #ty;
            fn key(&self) -> &#ty {
                &self.#field
            }
        }
    })
}

/// The field of `key` picks the instance by its hash, and is compared where delayed messages are named. The
/// constant uses the import, whatever the key is: an `allow` cannot stand where a program forbids unused
/// imports.
fn key(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let (field, ty) = message.key.as_ref()?;
    let p = paths.private();
    Some(quote_spanned! {spans::attribute()=>
        fn key_hash(&self) -> #p::Option<u64> {
            #p::Option::Some(<#ty as #p::Key>::key_hash(&self.#field))
        }
        fn key_value(&self) -> #p::Option<#p::KeyValue> {
            use #p::KeyByHash as _;
            const _: bool = #p::KeyType::<()>::IS_HERE;
            let hash = <Self as #p::Message>::key_hash(self);
            #p::Option::map(hash, |hash| #p::KeyType::<#ty>::key_value(&self.#field, hash))
        }
    })
}
