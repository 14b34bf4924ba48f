use nether::prelude::*;

#[derive(Debug)]
pub struct Order;

#[query(reply = Vec<Order>, http = "GET /orders")]
pub struct Orders;

fn main() {}
