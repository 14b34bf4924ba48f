//! Which crate is being compiled: what a message carries along, so that a module knows whether the message is
//! of its own crate. Only there may the compiler be asked to refuse a second module that handles it.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Type;

use crate::paths::Paths;
use crate::spans;

/// What the message says of its crate: 0 if it is not known.
pub(crate) fn of_message() -> u64 {
    crate_id().unwrap_or(0)
}

/// The proof that `ty`, shown at `place`, handles the message: of two that do, the compiler shows both. Where
/// `is_only` and the message is of this crate, it shows them at once, else where the message is sent.
pub(crate) fn handled_by(
    ty: &TokenStream,
    message: &Type,
    place: Span,
    is_only: bool,
    paths: &Paths,
) -> TokenStream {
    let p = paths.private();
    let body = quote_spanned! {spans::attribute()=>
        fn handler() -> #p::Option<&'static #p::Declaration> {
            #p::Option::Some(&DESCRIPTOR.declaration)
        }
    };
    let proof = |by: &TokenStream| {
        let proof = quote_spanned!(place=> impl #p::HandledBy<#by> for #message { #body });
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            #proof
        }
    };
    let Some(id) = crate_id().filter(|_| is_only) else {
        return proof(ty);
    };
    // A name of its own, since the compiler would explain a type that does not exist once more.
    let listed = spans::name("__Listed", spans::attribute());
    let proof = proof(&quote_spanned! {spans::attribute()=>
        <#p::IsAtHome<{ #p::Home::<#listed>::CRATE == #id }> as #p::HandlerAtHome<#ty>>::Handler
    });
    quote_spanned! {spans::attribute()=>
        const _: () = {
            use #p::Homeless as _;
            type #listed = #message;
            #proof
        };
    }
}

/// The compiler distinguishes crates by their name and by what it is given as `-C metadata=..`, and refuses
/// to link two that agree in both. None for tools that expand macros without compiling.
fn crate_id() -> Option<u64> {
    let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    crate_id_of(arguments)
}

fn crate_id_of(arguments: impl Iterator<Item = String>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let mut arguments = arguments.skip(1).peekable();
    let mut is_named = false;
    while let Some(argument) = arguments.next() {
        // The rest of the command line is in a file.
        if argument.starts_with('@') {
            return None;
        }
        let name = argument.strip_prefix("--crate-name");
        if let Some(name) = name {
            let name = match name.strip_prefix('=') {
                Some(name) => name.to_owned(),
                None => arguments.peek().cloned().unwrap_or_default(),
            };
            name.hash(&mut hasher);
            is_named = true;
        } else if argument.contains("metadata=") {
            argument.hash(&mut hasher);
        }
    }
    is_named.then(|| hasher.finish().max(1))
}

#[cfg(test)]
mod tests {
    use super::crate_id_of;

    fn id(arguments: &str) -> Option<u64> {
        crate_id_of(arguments.split(' ').map(str::to_owned))
    }

    #[test]
    fn crates_differ_by_name_and_metadata_alone() {
        let app = id("rustc --crate-name app src/lib.rs -C metadata=1 --emit=link");
        assert!(app.is_some());
        assert_eq!(
            app,
            id("rustc --crate-name app src/lib.rs -C metadata=1 -O")
        );
        assert_ne!(app, id("rustc --crate-name app src/main.rs -C metadata=2"));
        assert_ne!(app, id("rustc --crate-name web src/lib.rs -C metadata=1"));
        assert!(id("rustc --crate-name=app src/lib.rs").is_some());
    }

    #[test]
    fn a_tool_that_does_not_say_is_in_no_crate() {
        assert_eq!(id("rust-analyzer proc-macro"), None);
        assert_eq!(id("rustc @arguments --crate-name app"), None);
    }
}
