//! How long a large program takes to start: the registry read, every check made, every module running.
//!
//! ```sh
//! MODULES=1000 cargo run --profile startup -p startup
//! ```

use std::time::Instant;

use nether::System;

include!(concat!(env!("OUT_DIR"), "/program.rs"));

#[tokio::main]
async fn main() {
    let begun = Instant::now();
    let system = System::start().await.expect("the program is sound");
    let first = begun.elapsed();
    let topology = system.topology();
    system.shutdown().await;
    let begun = Instant::now();
    let system = System::start().await.expect("the program is sound");
    let second = begun.elapsed();
    system.shutdown().await;
    println!(
        "{} messages and {} modules started in {first:?}, a second time in {second:?}",
        topology.messages.len(),
        topology.modules.len()
    );
}
