//! Modules that have a value for each key.

mod abandoned;
mod chaos;
mod crashes;
mod leaving;
mod life;
mod order;
mod siblings;
mod user_code;
mod waiting;
