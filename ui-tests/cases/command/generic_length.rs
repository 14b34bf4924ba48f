use nether::prelude::*;

#[command]
pub struct Fill<const N: usize> {
    pub values: [u8; N],
}

fn main() {}
