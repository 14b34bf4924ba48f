//! The rules for functions that give routes.

use proc_macro2::{Span, TokenStream};
use syn::{Error, Path, ReturnType, Safety, Type};

use crate::block::Function;
use crate::diagnostics::Diagnostics;
use crate::routes::args::RoutesArgs;
use crate::{features, recover};

/// A function that gives routes, if something `gives` them; otherwise it is only a function.
pub(crate) struct CheckedRoutes {
    pub(crate) function: Function,
    /// Its return type.
    pub(crate) gives: Option<Type>,
    pub(crate) renamed: Option<Path>,
}

/// Checks everything.
pub(crate) fn check(
    args: RoutesArgs,
    function: Function,
    diagnostics: &Diagnostics,
) -> CheckedRoutes {
    if features::HTTP {
        check_not_async(&function, diagnostics);
        check_plain(&function, diagnostics);
        check_concrete(&function, diagnostics);
        check_no_arguments(&function, diagnostics);
    } else {
        let message = "`#[routes]` needs the feature `http` of `nether`";
        diagnostics.error_at(Span::call_site(), message, features::ENABLE_HTTP);
    }
    let gives = check_return(&function, diagnostics);
    CheckedRoutes {
        gives: gives.filter(|_| diagnostics.count() == 0),
        function,
        renamed: args.renamed,
    }
}

/// What gives routes is a function.
pub(crate) fn not_a_function(item: TokenStream) -> Option<Error> {
    let first = recover::keyword(item)?;
    let is_function = ["async", "fn", "const", "unsafe", "extern"];
    if is_function.contains(&first.to_string().as_str()) {
        return None;
    }
    let message = format!(
        "`#[routes]` stands above a function, not `{first}`\n\
         help: write `fn pages() -> axum::Router<System> {{ .. }}`"
    );
    Some(Error::new_spanned(first, message))
}

/// It is called when the server starts, before there is anything to wait for.
fn check_not_async(function: &Function, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    if let Some(asyncness) = &signature.asyncness {
        let message = format!(
            "`{}` is `async`, but its routes are put together before anything is served",
            signature.ident
        );
        let help = "remove `async`, and let the handlers of the routes wait";
        diagnostics.error(asyncness, message, help);
    }
}

/// The server calls it like any function.
fn check_plain(function: &Function, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    let (ident, help) = (&signature.ident, "write a plain `fn`");
    if let Safety::Unsafe(token) = &signature.safety {
        let message = format!("`{ident}` is `unsafe`, but the server calls it");
        diagnostics.error(token, message, help);
    }
    if let Some(abi) = &signature.abi {
        let message = format!("`{ident}` is `extern`, but the server calls it");
        diagnostics.error(abi, message, help);
    }
}

/// Checks that a handler is not generic, because nothing would determine its types.
fn check_concrete(function: &Function, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    let generics = &signature.generics;
    if !generics.params.is_empty() {
        let message = format!(
            "`#[routes]` cannot call `{}`, since it is generic",
            signature.ident
        );
        diagnostics.error(generics, message, "remove the generic parameters");
    } else if let Some(clause) = &generics.where_clause {
        let message = format!("`{}` has a `where` clause", signature.ident);
        diagnostics.error(clause, message, "remove it");
    }
}

/// Nothing is given to it: what handlers need, they extract.
fn check_no_arguments(function: &Function, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    let inputs = &signature.inputs;
    if !inputs.is_empty() {
        let message = format!(
            "`#[routes]` calls `{}` without arguments, but it takes some",
            signature.ident
        );
        let help =
            "remove them: handlers take the system as their state, `State(system): State<System>`";
        diagnostics.error(inputs, message, help);
    }
}

/// Which type it is, the compiler says.
fn check_return(function: &Function, diagnostics: &Diagnostics) -> Option<Type> {
    let signature = &function.signature;
    if let ReturnType::Type(_, ty) = &signature.output {
        return Some((**ty).clone());
    }
    if features::HTTP {
        let ident = &signature.ident;
        let message = format!("`{ident}` gives no routes");
        let help = format!("write `fn {ident}() -> axum::Router<System>`");
        diagnostics.error(ident, message, help);
    }
    None
}
