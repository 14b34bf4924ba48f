//! What the macros make of `requires`, and what they say of each mistake about it.

use proc_macro2::TokenStream;
use quote::quote;

use crate::message::MessageKind::{Command, Event};
use crate::message::{self, MessageKind};
use crate::tests::{check_message, mistakes};

#[test]
fn command_that_requires_roles_and_a_function() {
    let arguments = quote!(requires = ["orders.write", "admin", policy::is_own]);
    let item = quote! {
        pub struct CancelOrder {
            pub order_id: String,
        }
    };
    let expansion = message::attribute(Command, arguments, item);
    check_message("command_that_requires_roles_and_a_function", expansion);
}

/// Checks that a message with such arguments has this mistake alone.
fn refused(kind: MessageKind, arguments: TokenStream, expected: &str) {
    let item = quote!(
        struct Pay;
    );
    let expansion = message::attribute(kind, arguments, item);
    assert_eq!(mistakes(expansion), [expected]);
}

#[test]
fn what_would_be_no_guard_is_a_mistake() {
    refused(
        Command,
        quote!(requires = []),
        "`requires = []` requires nothing",
    );
    refused(
        Command,
        quote!(requires = "orders.write orders.read"),
        "\"orders.write orders.read\" is not the name of a role",
    );
    refused(
        Command,
        quote!(requires = ["a", "a"]),
        "the role `a` is twice in `requires`",
    );
    refused(
        Command,
        quote!(requires = 7),
        "`requires` in `#[command(..)]` is not written like this",
    );
    refused(
        Event,
        quote!(requires = "a"),
        "the event `Pay` has `requires`, but no stream that a client could read",
    );
}
