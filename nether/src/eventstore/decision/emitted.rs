//! [`emitted`]: what a decision emits are the events of all its aggregates, each once.

use crate::events::DeadLetter;
use crate::message::{Message, MessageProof};

/// Whether the message stands before that place of the lists.
const fn is_before(lists: &[&[MessageProof]], list: usize, index: usize) -> bool {
    let id = lists[list][index].id.as_u64();
    let mut at = 0;
    while at <= list {
        let mut place = 0;
        while place < lists[at].len() && (at < list || place < index) {
            if lists[at][place].id.as_u64() == id {
                return true;
            }
            place += 1;
        }
        at += 1;
    }
    false
}

/// How many different messages the lists have.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn count(lists: &[&[MessageProof]]) -> usize {
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            if !is_before(lists, list, index) {
                count += 1;
            }
            index += 1;
        }
        list += 1;
    }
    count
}

/// The different messages of the lists, `COUNT` by [`count`], as one list.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn emitted<const COUNT: usize>(lists: &[&[MessageProof]]) -> [MessageProof; COUNT] {
    // Every place is written below.
    let mut all = [DeadLetter::PROOF; COUNT];
    let (mut next, mut list) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            if !is_before(lists, list, index) {
                all[next] = lists[list][index];
                next += 1;
            }
            index += 1;
        }
        list += 1;
    }
    all
}
