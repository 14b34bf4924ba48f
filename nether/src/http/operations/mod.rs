//! What operators ask.

pub(super) mod metrics;
pub(super) mod served;
