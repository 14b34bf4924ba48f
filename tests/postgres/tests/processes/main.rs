//! Several processes on one database: one is killed, paused or cut off, and nothing is lost or doubled.

mod appender;
mod broken;
mod cut;
mod evidence;
mod takeover;
