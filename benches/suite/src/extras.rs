//! What is not a time of a message.
use serde::{Deserialize, Serialize};
#[derive(Serialize, Deserialize)]
pub struct StartUp {}
#[derive(Serialize, Deserialize)]
pub struct Memory {}
#[derive(Serialize, Deserialize)]
pub struct Minimal {}
