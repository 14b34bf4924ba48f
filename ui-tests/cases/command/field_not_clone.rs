use nether::prelude::*;
use std::net::TcpStream;

#[command]
pub struct Serve {
    pub socket: TcpStream,
}

fn main() {}
