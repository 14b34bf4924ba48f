use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Paging {
    pub limit: u32,
}

#[command(http = "POST /orders")]
pub struct OrderPage {
    #[serde(flatten)]
    pub paging: Option<Paging>,
}

fn main() {}
