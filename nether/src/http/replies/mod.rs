//! What an answer says: replies, and problems in place of them.

pub(super) mod allow;
pub(super) mod echo;
pub(super) mod encodings;
pub(super) mod failure_log;
pub(super) mod problem;
pub(super) mod problem_details;
pub(super) mod reply;
pub(super) mod reply_probe;
pub(super) mod unavailable;
