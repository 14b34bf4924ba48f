//! Modules with `#![no_implicit_prelude]`: there, `diagnostic` is the name of nothing, so an expansion does
//! without the attributes that only word the compiler's errors. Whether it stands in such a module, no token
//! tells; the source does. Where it cannot be read, the attributes stay.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use proc_macro2::{Group, TokenStream, TokenTree};

/// The attribute of modules that have none.
const NONE: &str = "no_implicit_prelude";

/// The expansion as its module can read it.
pub(crate) fn settle(expansion: TokenStream) -> TokenStream {
    match is_missing() {
        true => without_diagnostics(expansion),
        false => expansion,
    }
}

/// Whether the file of what is being expanded, or one that may declare it as a module, mentions the
/// attribute.
fn is_missing() -> bool {
    if !proc_macro::is_available() {
        return false;
    }
    let file = proc_macro::Span::call_site().local_file();
    file.is_some_and(|file| files(&file).iter().any(|file| mentions(file)))
}

/// The file, and all that may lie between it and the root of its crate.
fn files(file: &Path) -> Vec<PathBuf> {
    let mut files = vec![file.to_path_buf()];
    for folder in file.ancestors().skip(1) {
        files.extend(["mod.rs", "lib.rs", "main.rs"].map(|name| folder.join(name)));
        files.push(folder.with_extension("rs"));
        if folder.join("Cargo.toml").exists() {
            break;
        }
    }
    files
}

fn mentions(file: &Path) -> bool {
    static KNOWN: Mutex<Option<HashMap<PathBuf, bool>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let is_known = known.get(file).copied();
    is_known.unwrap_or_else(|| {
        let mentions = fs::read_to_string(file).is_ok_and(|text| text.contains(NONE));
        known.insert(file.to_path_buf(), mentions);
        mentions
    })
}

/// The tokens without `#[diagnostic::do_not_recommend]`.
fn without_diagnostics(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            kept.push(token);
            continue;
        };
        if group.to_string().replace(' ', "") == "[diagnostic::do_not_recommend]" {
            // With the `#` before it.
            kept.pop();
            continue;
        }
        let mut inner = Group::new(group.delimiter(), without_diagnostics(group.stream()));
        inner.set_span(group.span());
        kept.push(inner.into());
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use quote::quote;

    use super::{files, without_diagnostics};

    #[test]
    fn only_what_words_errors_is_left_out() {
        let expansion = quote! {
            const _: () = {
                #[automatically_derived]
                #[diagnostic::do_not_recommend]
                impl Message for Pay {}
            };
        };
        let expected = quote! {
            const _: () = {
                #[automatically_derived]
                impl Message for Pay {}
            };
        };
        let expansion = without_diagnostics(expansion);
        assert_eq!(expansion.to_string(), expected.to_string());
    }

    #[test]
    fn the_files_that_may_declare_a_module_are_known() {
        let files = files(Path::new("src/orders/billing.rs"));
        for file in [
            "src/orders/billing.rs",
            "src/orders/mod.rs",
            "src/orders.rs",
            "src/lib.rs",
        ] {
            assert!(files.contains(&PathBuf::from(file)), "{file}");
        }
    }
}
