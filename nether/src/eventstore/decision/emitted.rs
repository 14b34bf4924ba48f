//! [`emitted`]: what a decision emits are the events of all its aggregates.

use crate::message::MessageProof;

/// How many messages the lists have.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn count(lists: &[&[MessageProof]]) -> usize {
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        count += lists[list].len();
        list += 1;
    }
    count
}

/// The messages of the lists, as one list. `any` is one of whatever kind, which is in no place in the end.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn emitted<const COUNT: usize>(
    lists: &[&[MessageProof]],
    any: MessageProof,
) -> [MessageProof; COUNT] {
    let mut all = [any; COUNT];
    let (mut next, mut list) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[next] = lists[list][index];
            (next, index) = (next + 1, index + 1);
        }
        list += 1;
    }
    all
}
