//! Projections and sagas in tests without a store or a system.

mod answers;
mod decisions;
mod orders;
mod projections;
mod sagas;
