//! Without the feature `eventstore`, what is about event sourcing is refused, and the rest goes on.

use quote::quote;

use super::{mentions, mistakes};
use crate::message::{self, MessageKind};
use crate::sourcing;

#[test]
fn a_versioned_event_is_an_event_alone() {
    let arguments = quote!(version = 0, upcast = from_v1);
    let expansion = message::attribute(
        MessageKind::Event,
        arguments,
        quote!(
            struct Paid;
        ),
    );
    let expected = "`version` needs the feature `eventstore` of `nether`";
    assert_eq!(mistakes(expansion.clone()), [expected]);
    assert!(mentions(expansion.clone(), "MessageRegistration"));
    assert!(!mentions(expansion, "EventRegistration"));
}

#[test]
fn a_block_is_a_block_alone() {
    for (attribute, expansion) in [
        (
            "aggregate",
            sourcing::aggregate(quote!(), quote!(impl Till {})),
        ),
        (
            "decision",
            sourcing::decision(quote!(), quote!(impl Till {})),
        ),
        (
            "projection",
            sourcing::projection(quote!(), quote!(impl Till {})),
        ),
        ("saga", sourcing::saga(quote!(), quote!(impl Till {}))),
    ] {
        let expected = format!("`#[{attribute}]` needs the feature `eventstore` of `nether`");
        assert_eq!(mistakes(expansion.clone()), [expected]);
        assert!(mentions(expansion, "Till"));
    }
}

#[test]
fn what_a_block_lists_counts_as_handled_and_its_hooks_are_methods() {
    let block = quote!(
        impl Till {
            #[init]
            fn new() -> Self {}
            #[timeout("10m")]
            async fn late(&mut self) {}
        }
    );
    for expansion in [
        sourcing::aggregate(quote!(handles = [Pay], wrong = 1), block.clone()),
        sourcing::decision(quote!(handles = Pay), block.clone()),
        sourcing::projection(quote!(handles = Pay), block.clone()),
        sourcing::saga(quote!(handles = Pay), block),
    ] {
        let text = expansion.to_string();
        assert_eq!(mistakes(expansion).len(), 1, "{text}");
        assert!(text.contains("HandledBy < Till > for Pay"), "{text}");
        assert!(
            !text.contains("init") && !text.contains("timeout"),
            "{text}"
        );
    }
}
