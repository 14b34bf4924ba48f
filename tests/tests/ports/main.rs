//! Programs that others wrote for other frameworks, written again from what they do.

mod chat;
mod courses;
mod orders;
mod philosophers;
