//! One client after the other: from the open address to the bytes of an answer, within bounds of time, length
//! and number.

pub(super) mod answering;
pub(super) mod body;
pub(super) mod connection;
pub(super) mod cut_off;
pub(super) mod ending;
pub(super) mod expectation;
pub(super) mod limits;
pub(super) mod listen;
pub(super) mod patience;
pub(super) mod permits;
pub(super) mod received;
pub(super) mod seldom;
pub(super) mod to_the_end;
pub(super) mod wire;
