use nether::Principal;
use nether::prelude::*;

async fn is_own(principal: &Principal, pay: &Pay) -> bool {
    principal.id() == pay.owner
}

#[command(requires = is_own)]
pub struct Pay {
    pub owner: String,
}

fn main() {}
