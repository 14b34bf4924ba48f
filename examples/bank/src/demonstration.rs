//! A bank in a process of its own, as a client sees it, and a transfer in the middle of which it is killed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A bank in a process of its own, killed when this is dropped.
#[derive(Debug)]
pub struct Bank {
    process: Child,
    address: String,
}

impl Bank {
    /// Starts this program as the bank of that place: what stands behind `serve`. Inspections of transfers
    /// take that many seconds.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(place: &[&OsStr], seconds: u32) -> nether::Result<Self> {
        // The port is free now, and most likely still is in a moment.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args(place)
            .args([&address, &seconds.to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        let bank = Bank { process, address };
        bank.until(|| bank.get("/readyz").is_ok())?;
        Ok(bank)
    }

    /// Waits until something is so.
    ///
    /// # Errors
    /// If it is not so in half a minute.
    pub fn until(&self, mut is_so: impl FnMut() -> bool) -> nether::Result<()> {
        for _ in 0..3000 {
            if is_so() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(nether::Error::msg("the bank does not answer as it should"))
    }

    /// Asks for something.
    ///
    /// # Errors
    /// If the bank refuses it, or does not answer.
    pub fn get(&self, path: &str) -> nether::Result<Value> {
        self.ask(&format!("GET {path}"), "")
    }

    /// Sends something.
    ///
    /// # Errors
    /// If the bank refuses it, or does not answer.
    pub fn post(&self, path: &str, body: &Value) -> nether::Result<Value> {
        self.ask(&format!("POST {path}"), &body.to_string())
    }

    fn ask(&self, line: &str, body: &str) -> nether::Result<Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = BufReader::new(stream);
        let mut status = String::new();
        answer.read_line(&mut status)?;
        let mut rest = String::new();
        answer.read_to_string(&mut rest)?;
        if !status.contains(" 2") {
            return Err(nether::Error::msg(format!("{line}: {}", status.trim())));
        }
        let body = rest.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok(serde_json::from_str(body).unwrap_or_default())
    }

    /// What is in an account; nothing, if there is none.
    pub fn cents(&self, account: &str) -> u64 {
        let balance = self.get(&format!("/accounts/{account}"));
        balance.map_or(0, |balance| balance["cents"].as_u64().unwrap_or(0))
    }

    fn status(&self, transfer: &str) -> String {
        let status = self.get(&format!("/transfers/{transfer}"));
        status.map_or_else(
            |_| String::new(),
            |status| status.as_str().unwrap_or("").to_owned(),
        )
    }

    /// Says what is in the accounts of `ann` and `bob`.
    pub fn say(&self, when: &str) {
        let (ann, bob) = (self.cents("ann"), self.cents("bob"));
        println!("{when}: ann has {ann} cents, bob has {bob}");
    }

    /// Kills it, as nothing can be prepared for.
    ///
    /// # Errors
    /// If the system does not do it.
    pub fn kill(mut self) -> nether::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder of its own, removed at the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new() -> nether::Result<Self> {
        let folder = std::env::temp_dir().join(format!("nether-bank-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Folder(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Has a bank make a transfer, kills it in the middle, and starts it again at the same place: the bank that
/// runs then.
///
/// # Errors
/// If a bank does not do as it should.
pub fn transfer(place: &[&OsStr]) -> nether::Result<Bank> {
    // Transfers are inspected for an hour: long enough to be killed meanwhile.
    let bank = Bank::start(place, 3600)?;
    for account in ["ann", "bob"] {
        bank.post("/accounts", &json!({ "account_id": account }))?;
    }
    bank.post("/accounts/ann/deposits", &json!({ "cents": 10_000 }))?;
    bank.until(|| bank.cents("ann") == 10_000)?;
    bank.say("before the transfer");

    let transfer = json!({ "transfer_id": "t-1", "from": "ann", "to": "bob", "cents": 3_000 });
    bank.post("/transfers", &transfer)?;
    bank.until(|| bank.cents("ann") == 7_000)?;
    bank.say("in the middle of it");
    bank.kill()?;
    println!("the bank is killed, and started again");

    let bank = Bank::start(place, 0)?;
    bank.until(|| bank.status("t-1") == "made")?;
    bank.until(|| bank.cents("bob") > 0)?;
    bank.say("after the transfer");

    // Asked for again, it is not made again; and of one that cannot be made, the money goes back.
    bank.post("/transfers", &transfer)?;
    let too_much = json!({ "transfer_id": "t-2", "from": "bob", "to": "carl", "cents": 1_000 });
    bank.post("/transfers", &too_much)?;
    bank.until(|| bank.status("t-2") == "cancelled")?;
    bank.until(|| bank.cents("bob") == 3_000)?;
    bank.say("after one to nobody");
    Ok(bank)
}
