use nether::prelude::*;

#[derive(Debug, serde::Serialize)]
pub struct Receipt;

#[command(reply = Receipt, http = "POST /orders", status = 204)]
pub struct Pay;

fn main() {}
