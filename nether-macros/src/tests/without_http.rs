//! Without the feature `http`, what is about the web server is refused, and the rest goes on.

use quote::quote;

use super::{mentions, mistakes};
use crate::message::{self, MessageKind};
use crate::{problem, routes};

#[test]
fn an_endpoint_is_a_message_alone() {
    let arguments = quote!(http = "PSOT orders", status = 202);
    let expansion = message::attribute(
        MessageKind::Command,
        arguments,
        quote!(
            struct Pay;
        ),
    );
    let expected = "`http` needs the feature `http` of `nether`";
    assert_eq!(mistakes(expansion.clone()), [expected]);
    assert!(mentions(expansion.clone(), "MessageRegistration"));
    assert!(!mentions(expansion, "EndpointEntry"));
}

#[test]
fn routes_are_a_function_alone() {
    let expansion = routes::attribute(
        quote!(),
        quote!(
            async fn pages() {}
        ),
    );
    let expected = "`#[routes]` needs the feature `http` of `nether`";
    assert_eq!(mistakes(expansion.clone()), [expected]);
    assert!(mentions(expansion, "pages"));
}

#[test]
fn a_problem_is_nothing() {
    let expansion = problem::derive(quote!(
        enum E {
            A,
        }
    ));
    let expected = "`#[derive(Problem)]` needs the feature `http` of `nether`";
    assert_eq!(mistakes(expansion), [expected]);
}
