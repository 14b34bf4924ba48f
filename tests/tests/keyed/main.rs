//! Modules that have a value for each key.

mod abandoned;
mod chaos;
mod crashes;
mod each_alone;
mod for_all;
mod idle_order;
mod leaving;
mod life;
mod order;
mod policies;
mod siblings;
mod support;
mod user_code;
mod waiting;
