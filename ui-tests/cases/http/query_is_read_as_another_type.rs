use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Paging {
    pub limit: u32,
}

#[query(reply = u64, http = "GET /orders")]
#[serde(transparent)]
pub struct ListOrders {
    pub paging: Paging,
}

fn main() {}
