use nether::prelude::*;

#[nether::main]
async fn main(system: System) -> Result<(), String> {
    Ok(())
}
