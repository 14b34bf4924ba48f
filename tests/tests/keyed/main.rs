//! Modules that have a value for each key.

mod chaos;
mod crashes;
mod life;
mod order;
mod waiting;
