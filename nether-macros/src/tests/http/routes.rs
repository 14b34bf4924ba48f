//! What `#[routes]` makes of a function, and what it says of each mistake.

use quote::quote;

use crate::routes;
use crate::tests::{check, mentions, mistakes};

#[test]
fn routes_beside_endpoints() {
    let item = quote! {
        /// Pages for people.
        pub(crate) fn pages() -> axum::Router<System> {
            axum::Router::new().route("/", get(index))
        }
    };
    check("routes", routes::attribute(quote!(), item));
}

#[test]
fn routes_are_given_by_a_plain_function() {
    for (item, expected) in [
        (
            quote!(
                async fn pages() -> Router<System> {}
            ),
            "`pages` is `async`, but its routes are put together before anything is served",
        ),
        (
            quote!(
                unsafe fn pages() -> Router<System> {}
            ),
            "`pages` is `unsafe`, but the server calls it",
        ),
        (
            quote!(
                extern "C" fn pages() -> Router<System> {}
            ),
            "`pages` is `extern`, but the server calls it",
        ),
        (
            quote!(
                fn pages<T>() -> Router<System> {}
            ),
            "`#[routes]` cannot call `pages`, since it is generic",
        ),
        (
            quote!(
                fn pages(system: System) -> Router<System> {}
            ),
            "`#[routes]` calls `pages` without arguments, but it takes some",
        ),
        (
            quote!(
                fn pages() {}
            ),
            "`pages` gives no routes",
        ),
        (
            quote!(
                struct Pages;
            ),
            "`#[routes]` stands above a function, not `struct`",
        ),
    ] {
        let expansion = routes::attribute(quote!(), item);
        assert_eq!(mistakes(expansion.clone()), [expected]);
        assert!(!mentions(expansion, "RoutesRegistration"));
    }
}
