#![allow(unused_imports, unused_variables, dead_code)]
use nether::http::RequestContext;
use nether::prelude::*;

pub struct Web;

async fn page(ctx: RequestContext<Web>) {}

fn main() {}
