use nether::prelude::*;

#[query(reply = String, http = "GET /files/{*name}")]
pub struct File {
    pub name: String,
}

fn main() {}
