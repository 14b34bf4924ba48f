//! A bank that keeps what happened: accounts decide, a saga transfers, a projection knows the balances.
//!
//! It is the same bank on either store. The program `bank` keeps everything in a file of SQLite, and
//! `bank-postgres` in a database of PostgreSQL. They differ in `balances.rs`, which writes into tables of the
//! store's database, and in how they open the store.

pub mod account;
pub mod balance;
pub mod customer;
pub mod demonstration;
pub mod progress;
pub mod statuses;
pub mod transfer;
