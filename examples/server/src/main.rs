//! An order desk over HTTP: `cargo run -p server`, then `curl localhost:8080/orders`, or open
//! <http://localhost:8080/docs>.
//!
//! `cargo run -p server -- 127.0.0.1:9000` serves at another address.

pub mod accounts;
pub mod audit;
pub mod orders;
pub mod pages;
#[cfg(test)]
mod tests;

use accounts::Sessions;
use audit::Audit;
use nether::prelude::*;

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let (sessions, audit) = (Sessions::default(), Audit::default());
    let builder = builder.provide(sessions.clone()).provide(audit.clone());
    let system = builder.intercept(audit).start().await?;
    println!("serving at http://{address}/docs");
    nether::http::Server::new(&system)
        .title("Order desk", "1.0.0")
        .authenticate(sessions.authenticator())
        .public_docs()
        .serve(address)
        .await
}
