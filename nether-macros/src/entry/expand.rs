//! The code of a checked entry point: a plain function around the `async` one.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, ReturnType, Type};

use crate::entry::EntryKind;
use crate::entry::seeds::Seeds;
use crate::entry::validate::CheckedEntry;
use crate::paths::Paths;
use crate::spans::{self, Extent};

pub(crate) fn expand(entry: &CheckedEntry) -> TokenStream {
    let outer = &entry.function;
    let (attributes, visibility, name) =
        (&outer.attributes, &outer.visibility, &outer.signature.ident);
    let test = (entry.kind == EntryKind::Test)
        .then(|| quote_spanned!(spans::attribute()=> #[::core::prelude::v1::test]));
    if !entry.is_sound {
        return stub(entry, test);
    }
    let paths = Paths::new(entry.renamed.clone());
    let p = paths.private();
    let (signature, body) = (&outer.signature, &outer.body);
    let run = spans::name(entry.kind.function(), spans::attribute());
    let argument = argument(entry);
    let gives_back = (entry.kind == EntryKind::Main)
        .then(|| quote_spanned!(spans::attribute()=> -> #p::ExitCode));
    let options = options(entry, &paths);
    let world = closed_world(entry, &paths);
    let result = outcome(entry, &paths);
    quote_spanned! {spans::attribute()=>
        #(#attributes)*
        #test
        #visibility fn #name() #gives_back {
            #world
            #signature #body
            #p::entry::#run::<#argument, _>(#options, |argument| async move { #result })
        }
    }
}

/// A function of the same name, so that no missing `main` follows; and in it the body as written, for the
/// compiler and editors.
fn stub(entry: &CheckedEntry, test: Option<TokenStream>) -> TokenStream {
    let outer = &entry.function;
    let (name, attributes, body) = (&outer.signature.ident, &outer.attributes, &outer.body);
    let mut signature = outer.signature.clone();
    signature.asyncness = signature.asyncness.or_else(|| Some(Default::default()));
    quote_spanned! {spans::attribute()=>
        #(#attributes)*
        #test
        fn #name() {
            #[allow(dead_code)]
            #signature #body
        }
    }
}

/// The argument's type: what is wrong about it is shown there.
fn argument(entry: &CheckedEntry) -> Option<&Type> {
    match entry.function.signature.inputs.first() {
        Some(FnArg::Typed(argument)) => Some(&argument.ty),
        _ => None,
    }
}

/// What the function gives back, as a `Result`; shown at the return type.
fn outcome(entry: &CheckedEntry, paths: &Paths) -> TokenStream {
    let signature = &entry.function.signature;
    let output = match &signature.output {
        ReturnType::Type(_, ty) => ty.to_token_stream(),
        ReturnType::Default => signature.ident.to_token_stream(),
    };
    let Extent { start, end } = Extent::of(output);
    let mut name = signature.ident.clone();
    name.set_span(start);
    let argument = spans::name("argument", spans::attribute());
    let p = paths.private_at(start);
    let into_outcome = quote_spanned!(end=> #p::IntoOutcome::<(), _>::into_outcome);
    quote_spanned!(end=> #into_outcome(#name(#argument).await))
}

fn options(entry: &CheckedEntry, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let flavor = spans::name(
        if entry.is_current_thread {
            "CurrentThread"
        } else {
            "MultiThread"
        },
        spans::attribute(),
    );
    let threads = match entry.worker_threads {
        Some(threads) => quote!(#p::Option::Some(#threads)),
        None => quote!(#p::Option::None),
    };
    let modules = match &entry.modules {
        Some(_) => quote!(#p::Option::Some(WORLD)),
        None => quote!(#p::Option::None),
    };
    let options = quote_spanned! {spans::attribute()=>
        #p::entry::Options { flavor: #p::entry::Flavor::#flavor, worker_threads: #threads, modules: #modules }
    };
    if entry.kind == EntryKind::Main {
        return options;
    }
    let only = match &entry.only {
        Some(only) => quote!(#p::Option::Some(&[#(<#only as #p::Module>::DESCRIPTOR),*])),
        None => quote!(#p::Option::None),
    };
    let seeds = match &entry.seeds {
        Some(Seeds { range, crashes }) => {
            let Range { start, end } = range;
            quote!(#p::Option::Some(#p::entry::Seeds { range: #start..#end, crashes: #crashes }))
        }
        None => quote!(#p::Option::None),
    };
    quote_spanned! {spans::attribute()=>
        #p::entry::TestOptions { options: #options, only: #only, seeds: #seeds }
    }
}

/// The start-up check, while compiling.
fn closed_world(entry: &CheckedEntry, paths: &Paths) -> Option<TokenStream> {
    let modules = entry.modules.as_ref()?;
    let Extent { start, end } = Extent::of(quote!(#(#modules),*));
    let (p, shown) = (paths.private(), paths.private_at(start));
    let check = quote_spanned!(start=> #shown::closed_world);
    let check = quote_spanned!(end=> #check(WORLD));
    Some(quote_spanned! {spans::attribute()=>
        const WORLD: &[&#p::ModuleDescriptor] = &[#(<#modules as #p::Module>::DESCRIPTOR),*];
        const _: () = #check;
    })
}
