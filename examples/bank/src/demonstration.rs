//! A transfer in the middle of which the bank is killed; a backup while it works, and what is restored of it;
//! a customer who is forgotten.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A bank in a process of its own, killed when this is dropped.
struct Bank {
    process: Child,
    address: String,
}

impl Bank {
    /// Starts it. Inspections of transfers take that many seconds.
    fn start(file: &Path, seconds: u32) -> nether::Result<Self> {
        // The port is free now, and most likely still is in a moment.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(file)
            .args([&address, &seconds.to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        let bank = Bank { process, address };
        bank.until(|| bank.get("/readyz").is_ok())?;
        Ok(bank)
    }

    /// Waits until something is so.
    fn until(&self, mut is_so: impl FnMut() -> bool) -> nether::Result<()> {
        for _ in 0..3000 {
            if is_so() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(nether::Error::msg("the bank does not answer as it should"))
    }

    fn get(&self, path: &str) -> nether::Result<Value> {
        self.ask(&format!("GET {path}"), "")
    }

    fn post(&self, path: &str, body: &Value) -> nether::Result<Value> {
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

    fn cents(&self, account: &str) -> u64 {
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

    fn say(&self, when: &str) {
        let (ann, bob) = (self.cents("ann"), self.cents("bob"));
        println!("{when}: ann has {ann} cents, bob has {bob}");
    }

    /// Says what it knows of a customer: a name, or 404 once it is forgotten.
    fn say_name(&self, when: &str) {
        let name = self.get("/customers/c-1/name").unwrap_or_default();
        let name = name.as_str().unwrap_or("forgotten");
        println!("{when}: customer c-1 is {name}");
    }

    /// Kills it, as nothing can be prepared for.
    fn kill(mut self) -> nether::Result<()> {
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
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn run() -> nether::Result<()> {
    let folder = std::env::temp_dir().join(format!("nether-bank-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let folder = Folder(folder);
    let file = folder.0.join("bank.db");

    // Transfers are inspected for an hour: long enough to be killed meanwhile.
    let bank = Bank::start(&file, 3600)?;
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

    let bank = Bank::start(&file, 0)?;
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
    restore(bank, &folder, &file)
}

/// Makes a backup while money is paid in, loses the file, and goes on with the backup.
fn restore(bank: Bank, folder: &Folder, file: &Path) -> nether::Result<()> {
    bank.post(
        "/customers",
        &json!({ "customer_id": "c-1", "name": "Dora" }),
    )?;
    bank.say_name("before the backup");
    bank.post("/accounts", &json!({ "account_id": "dora" }))?;
    let pay_in = || bank.post("/accounts/dora/deposits", &json!({ "cents": 1 }));
    for _ in 0..50 {
        pay_in()?;
    }
    let backup = folder.0.join("backup.db");
    let mut backing_up = Command::new(std::env::current_exe()?)
        .arg("backup")
        .arg(file)
        .arg(&backup)
        .stdout(Stdio::null())
        .spawn()?;
    let made = loop {
        pay_in()?;
        if let Some(ended) = backing_up.try_wait()? {
            break ended.success();
        }
    };
    if !made {
        return Err(nether::Error::msg("there is no backup"));
    }
    bank.post("/customers/c-1/forget", &json!({}))?;
    bank.say_name("after the backup");
    bank.kill()?;
    for suffix in ["", "-wal", "-shm"] {
        let mut lost = file.as_os_str().to_owned();
        lost.push(suffix);
        let _ = std::fs::remove_file(lost);
    }
    std::fs::copy(&backup, file)?;
    println!("the file is lost, and a backup that was made meanwhile takes its place");

    let bank = Bank::start(file, 0)?;
    // What was paid in before the backup began is there, and what was paid in after it is not.
    bank.until(|| bank.cents("dora") >= 50)?;
    bank.say("of the backup");
    // It was made before she was forgotten, and does not know her all the same.
    bank.say_name("of the backup");
    bank.kill()
}
