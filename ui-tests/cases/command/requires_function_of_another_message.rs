use nether::Principal;
use nether::prelude::*;

fn is_own(principal: &Principal, refund: &Refund) -> bool {
    principal.id() == refund.owner
}

#[command]
pub struct Refund {
    pub owner: String,
}

#[command(requires = is_own)]
pub struct Pay {
    pub owner: String,
}

fn main() {}
