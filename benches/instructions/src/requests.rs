//! Requests to the web server, and to the same handler by hand: one after the other, over one connection of
//! HTTP/1.1. Client and server share a thread, so that nothing depends on who is faster.

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use nether::http::{Server, StartServer};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where it is, and what is sent.
pub(crate) struct Request {
    line: &'static str,
    body: &'static str,
}

const ORDER: &str = r#"{"order_id":"0123456789","amount":99.5}"#;

pub(crate) const EXCLUSIVE: Request = Request {
    line: "POST /exclusive",
    body: ORDER,
};

pub(crate) const SHARED: Request = Request {
    line: "POST /shared",
    body: ORDER,
};

pub(crate) const FIND: Request = Request {
    line: "GET /orders/0123456789",
    body: "",
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Receipt {
    order_id: String,
    amount: f64,
}

#[command(reply = Receipt, http = "POST /exclusive")]
struct PlaceOne {
    order_id: String,
    amount: f64,
}

#[command(reply = Receipt, http = "POST /shared")]
struct PlaceBeside {
    order_id: String,
    amount: f64,
}

#[query(reply = Receipt, http = "GET /orders/{order_id}")]
struct Find {
    order_id: String,
}

#[derive(Default)]
struct Exclusive;

#[module(handles = PlaceOne)]
impl Exclusive {
    async fn place(&mut self, order: PlaceOne) -> Receipt {
        receipt(order.order_id, order.amount)
    }
}

#[derive(Default)]
struct Beside;

#[module(handles = [PlaceBeside, Find])]
impl Beside {
    async fn place(&self, order: PlaceBeside) -> Receipt {
        receipt(order.order_id, order.amount)
    }

    async fn find(&self, find: Find) -> Receipt {
        receipt(find.order_id, 1.0)
    }
}

fn receipt(order_id: String, amount: f64) -> Receipt {
    Receipt { order_id, amount }
}

/// Sends it so often to a server of the system.
pub(crate) async fn request(system: System, request: Request, count: u64) -> nether::Result<()> {
    system.attach(Server::new(&system)).await?;
    let ctx = system.context();
    let address = "127.0.0.1:0".to_owned();
    let address = ctx.send(StartServer { address }).await?;
    ctx.close().await?;
    send(&address, &request, count).await
}

/// Sends it so often to a handler of axum's that is written by hand.
pub(crate) async fn by_hand(request: Request, count: u64) -> nether::Result<()> {
    let place = async |Json(order): Json<Receipt>| {
        let receipt = receipt(order.order_id, order.amount);
        (StatusCode::CREATED, Json(receipt))
    };
    let router = Router::new().route("/shared", post(place));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async { axum::serve(listener, router).await });
    send(&address, &request, count).await
}

async fn send(address: &str, request: &Request, count: u64) -> nether::Result<()> {
    let Request { line, body } = request;
    let mut head = format!("{line} HTTP/1.1\r\nhost: localhost\r\n");
    if !body.is_empty() {
        let length = body.len();
        head += &format!("content-type: application/json\r\ncontent-length: {length}\r\n");
    }
    let request = format!("{head}\r\n{body}");
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = [0; 1024];
    for _ in 0..count {
        stream.write_all(request.as_bytes()).await?;
        let length = stream.read(&mut answer).await?;
        let answer = &answer[..length];
        assert!(answer.starts_with(b"HTTP/1.1 20") && answer.ends_with(b"}"));
    }
    Ok(())
}
