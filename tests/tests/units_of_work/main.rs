//! Contexts: how they are closed, their streams and transactions, what is reported of them. The modules that
//! a test needs it attaches, or starts by name, as in `isolated`.

mod closing;
mod closing_behind;
mod closing_beside;
mod closing_circles;
mod closing_elsewhere;
mod closing_one_way;
mod closing_patience;
mod closing_places;
mod closing_waits;
mod contexts;
mod depth;
mod forever;
mod giving_up;
mod hanging_transactions;
mod kept;
mod keyed_subscriptions;
mod shared_transactions;
mod spawning;
mod sqlite;
mod stream_ends;
mod stream_seeds;
mod streaming;
mod streams;
mod transactions;
mod unread_errors;
