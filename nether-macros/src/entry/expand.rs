//! The code of a checked entry point: a plain function around the `async` one.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, ReturnType};

use crate::entry::EntryKind;
use crate::entry::validate::Checked;
use crate::paths::Paths;
use crate::spans::{self, Extent};

pub(crate) fn expand(entry: &Checked) -> TokenStream {
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
    let run = spans::name(entry.kind.function(), argument(entry).start);
    let gives_back = (entry.kind == EntryKind::Main)
        .then(|| quote_spanned!(spans::attribute()=> -> #p::ExitCode));
    let options = options(entry, &paths);
    let world = closed_world(entry, &paths);
    let result = result(entry);
    quote_spanned! {spans::attribute()=>
        #(#attributes)*
        #test
        #visibility fn #name() #gives_back {
            #world
            #signature #body
            #p::entry::#run(#options, |argument| async move { #p::IntoOutcome::into_outcome(#result) })
        }
    }
}

/// A function of the same name, so that no missing `main` follows; and the body as written, for editors.
fn stub(entry: &Checked, test: Option<TokenStream>) -> TokenStream {
    let name = &entry.function.signature.ident;
    let attributes = &entry.function.attributes;
    quote_spanned! {spans::attribute()=>
        #(#attributes)*
        #test
        fn #name() {}
    }
}

/// Where the argument's type stands: what is wrong about it is shown there.
fn argument(entry: &Checked) -> Extent {
    match entry.function.signature.inputs.first() {
        Some(FnArg::Typed(argument)) => Extent::of(&argument.ty),
        _ => Extent::of(&entry.function.signature.ident),
    }
}

/// The call, shown at the return type.
fn result(entry: &Checked) -> TokenStream {
    let signature = &entry.function.signature;
    let output = match &signature.output {
        ReturnType::Type(_, ty) => ty.to_token_stream(),
        ReturnType::Default => signature.ident.to_token_stream(),
    };
    let Extent { start, end } = Extent::of(output);
    let name = spans::name(&signature.ident.to_string(), start);
    let call = quote_spanned!(end=> (argument).await);
    quote!(#name #call)
}

fn options(entry: &Checked, paths: &Paths) -> TokenStream {
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
        Some(modules) => quote!(#p::Option::Some(&[#(<#modules as #p::Module>::descriptor),*])),
        None => quote!(#p::Option::None),
    };
    quote_spanned! {spans::attribute()=>
        #p::entry::Options { flavor: #p::entry::Flavor::#flavor, worker_threads: #threads, modules: #modules }
    }
}

/// The start-up check, while compiling.
fn closed_world(entry: &Checked, paths: &Paths) -> Option<TokenStream> {
    let modules = entry.modules.as_ref()?;
    let Extent { start, end } = Extent::of(quote!(#(#modules),*));
    let p = paths.private_at(start);
    let list = quote_spanned!(end=> (&[#(#p::World::of::<#modules>()),*]));
    Some(quote_spanned!(start=> const _: () = #p::closed_world #list;))
}
