use nether::Principal;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Tenant(u32);

fn ann() -> Principal {
    Principal::new("ann").with_claim(Tenant(7))
}

fn main() {}
