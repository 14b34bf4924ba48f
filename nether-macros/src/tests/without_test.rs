//! Without the feature `test`, `#[nether::test]` is refused.

use quote::quote;

use super::mistakes;
use crate::entry::{self, EntryKind};

#[test]
fn a_test_is_nothing() {
    let item = quote!(
        async fn starts(system: System) {}
    );
    let expansion = entry::attribute(EntryKind::Test, quote!(seeds = 0..8), item);
    let expected = "`#[nether::test]` needs the feature `test` of `nether`";
    assert_eq!(mistakes(expansion), [expected]);
}
