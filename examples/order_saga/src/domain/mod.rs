//! What the business is about. Knows nothing of how it is run.

pub mod order;
pub mod payment;
pub mod stock;
