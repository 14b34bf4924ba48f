//! The servers that are measured.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use nether::http::{Server, StartServer};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    order_id: String,
    amount: f64,
}

/// What `axum` reads by hand.
#[derive(Debug, Deserialize)]
struct Order {
    order_id: String,
    amount: f64,
}

#[command(reply = Receipt, http = "POST /exclusive")]
pub struct PlaceOne {
    pub order_id: String,
    pub amount: f64,
}

#[command(reply = Receipt, http = "POST /shared")]
pub struct PlaceBeside {
    pub order_id: String,
    pub amount: f64,
}

#[query(reply = Receipt, http = "GET /orders/{order_id}")]
pub struct Find {
    pub order_id: String,
}

#[event(http = "SSE /ticks")]
pub struct Ticked {
    pub number: usize,
}

#[command(http = "POST /ticks/{number}")]
pub struct Tick {
    pub number: usize,
}

#[derive(Default)]
pub struct Exclusive;

#[module(handles = PlaceOne)]
impl Exclusive {
    async fn place(&mut self, order: PlaceOne) -> Receipt {
        receipt(order.order_id, order.amount)
    }
}

#[derive(Default)]
pub struct Shared;

#[module(handles = [PlaceBeside, Find, Tick], emits = Ticked)]
impl Shared {
    async fn place(&self, order: PlaceBeside) -> Receipt {
        receipt(order.order_id, order.amount)
    }

    async fn find(&self, find: Find) -> Receipt {
        receipt(find.order_id, 1.0)
    }

    async fn tick(&self, tick: Tick, ctx: &Context<Self>) -> nether::Result<()> {
        let number = tick.number;
        ctx.publish(Ticked { number }).await?;
        Ok(())
    }
}

fn receipt(order_id: String, amount: f64) -> Receipt {
    Receipt { order_id, amount }
}

/// Serves until the process is killed. Says where on standard output.
pub fn serve(role: &str, address: &str) -> ExitCode {
    // As many as the kernel lets it have.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let served = runtime.block_on(async {
        match role {
            "nether" => serve_nether(address).await,
            _ => serve_axum(address).await,
        }
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_nether(address: &str) -> nether::Result<()> {
    let system = System::start().await?;
    system.attach(Server::new(&system)).await?;
    let address = address.to_owned();
    let ctx = system.context();
    println!("{}", ctx.send(StartServer { address }).await?);
    ctx.close().await?;
    system.wait_for_shutdown().await;
    Ok(())
}

async fn serve_axum(address: &str) -> nether::Result<()> {
    let place = async |Json(order): Json<Order>| {
        let receipt = receipt(order.order_id, order.amount);
        (StatusCode::CREATED, Json(receipt))
    };
    let find = async |Path(order_id): Path<String>| Json(receipt(order_id, 1.0));
    let router = Router::new()
        .route("/exclusive", post(place))
        .route("/shared", post(place))
        .route("/orders/{order_id}", get(find));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

/// A server in a process of its own, which ends with this.
pub struct Process {
    child: Child,
    pub address: String,
}

impl Process {
    pub fn start(role: &str) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let child = Command::new(this)
            .args(["serve", role, "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| error.to_string())?;
        let mut address = String::new();
        let said = child.stdout.take().expect("it is piped");
        let read = BufReader::new(said).read_line(&mut address);
        read.map_err(|error| error.to_string())?;
        let address = address.trim().to_owned();
        Ok(Process { child, address })
    }

    /// The memory that is in use, in KiB.
    pub fn resident(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        let number = number.and_then(|number| number.parse().ok());
        number.ok_or_else(|| "the kernel does not say how much memory is in use".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
