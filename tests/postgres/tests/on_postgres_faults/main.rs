//! What happens to the event store in PostgreSQL when its server, its network or its programs fail.

mod cuts;
mod dropped;
mod handlers;
mod ledger;
mod limits;
mod lost_commits;
mod paused;
mod proxy;
mod refused;
mod restarts;
mod silence;
mod support;
mod values;
