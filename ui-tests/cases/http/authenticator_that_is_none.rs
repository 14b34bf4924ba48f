use nether::http::Server;
use nether::prelude::*;

fn serve(system: &System) -> Server {
    Server::new(system).authenticate("secret")
}

fn main() {}
