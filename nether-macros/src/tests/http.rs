//! Expansions for the web server.

mod endpoint;
mod problem;
mod routes;

use quote::quote;

use super::mentions;
use crate::message;
use crate::message::MessageKind::{Command, Event};

#[test]
fn a_renamed_crate_is_named_everywhere() {
    let endpoint = quote!(crate = n, http = "POST /{order}");
    for expansion in [
        message::attribute(
            Command,
            endpoint,
            quote!(
                struct Pay {
                    order: u64,
                }
            ),
        ),
        message::attribute(
            Event,
            quote!(crate = n, http = "SSE /a"),
            quote!(
                struct Paid;
            ),
        ),
        crate::routes::attribute(
            quote!(crate = n),
            quote!(
                fn pages() -> Router {}
            ),
        ),
        crate::problem::derive(quote!(
            #[problem(crate = n, status = 409)]
            struct Paid;
        )),
    ] {
        assert!(!mentions(expansion.clone(), "nether"), "{expansion}");
        assert!(mentions(expansion.clone(), "n"), "{expansion}");
    }
}
