//! What ties a type to the module that the runtime makes of it: a shared one, whose handlers the runtime
//! writes.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::home;
use crate::paths::Paths;
use crate::spans::{self, Extent};

/// What differs.
pub(super) struct Parts<'a> {
    /// The type.
    pub(super) name: &'a Ident,
    /// What starts the module, if anything does.
    pub(super) launch: TokenStream,
    pub(super) handles: Vec<TokenStream>,
    /// A list of what it emits.
    pub(super) emits: TokenStream,
    pub(super) calls: Vec<TokenStream>,
    /// The resources that it asks for besides the store.
    pub(super) resources: Vec<TokenStream>,
}

/// The descriptor, and its registration.
pub(super) fn descriptor(parts: &Parts<'_>, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let descriptor = describe(parts, paths);
    quote_spanned! {spans::attribute()=>
        #descriptor
        #p::inventory::submit! { #p::ModuleRegistration(&DESCRIPTOR) }
    }
}

/// The descriptor of what has mistakes: it is there to be named, and no program will read it.
pub(super) fn stub(name: &Ident, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let parts = Parts {
        name,
        launch: quote!(#p::Option::None),
        handles: Vec::new(),
        emits: quote!(&[]),
        calls: Vec::new(),
        resources: Vec::new(),
    };
    describe(&parts, paths)
}

/// What starts the runtime's type that is the module.
pub(super) fn launched(module: &TokenStream, paths: &Paths) -> TokenStream {
    let p = paths.private();
    quote!(#p::Option::Some(#p::launch::<#module>))
}

fn describe(parts: &Parts<'_>, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let Parts {
        launch,
        handles,
        emits,
        calls,
        resources,
        ..
    } = parts;
    let name = parts.name.unraw().to_string();
    quote_spanned! {spans::attribute()=>
        static DESCRIPTOR: #p::ModuleDescriptor = #p::ModuleDescriptor {
            declaration: #p::Declaration {
                name: ::core::concat!(::core::module_path!(), "::", #name),
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
            kind: #p::ModuleKind::Shared,
            handles: &[#(#handles),*],
            emits: #emits,
            calls: &[#(#calls),*],
            after: &[],
            instances: 1usize,
            mailbox: #p::Option::None,
            restart: #p::RestartPolicy {
                restart: #p::Restart::Contain,
                max_restarts: 5u32,
                within: #p::Duration::from_millis(30000u64),
                is_essential: false,
            },
            breaker: #p::Option::None,
            handlers: &[],
            resources: &[
                #p::eventstore::STORE,
                #(#resources),*
            ],
            launch: #launch,
        };
    }
}

/// `<Message as Trait>::..`, a trait of event sourcing, shown at the message.
pub(super) fn said(message: &Type, of: &str, what: &str, paths: &Paths) -> TokenStream {
    let place = Extent::of(message).end;
    let p = paths.private_at(place);
    let [of, what] = [of, what].map(|name| Ident::new(name, place));
    quote_spanned!(place=> <#message as #p::eventstore::#of>::#what)
}

/// What a broken block is given so that contexts in it, which have their error, name something, and may send
/// whatever is handled.
pub(super) fn sender(ty: &Ident, paths: &Paths) -> TokenStream {
    let p = paths.private();
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::Caller for #ty {
            type Rule = #p::WithoutLists;
        }
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::Unlisted for #ty {}
    }
}

/// The proof that a message is handled.
pub(super) fn handled_by(ty: &Ident, message: &Type, paths: &Paths) -> TokenStream {
    home::handled_by(&quote!(#ty), message, ty.span(), true, paths)
}
