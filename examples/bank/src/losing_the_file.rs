//! A transfer in the middle of which the bank is killed; a backup while it works, and what is restored of it;
//! a customer who is forgotten.

use std::path::Path;
use std::process::{Command, Stdio};

use bank::demonstration::{Bank, Folder, transfer};
use serde_json::json;

pub(crate) fn run() -> nether::Result<()> {
    let folder = Folder::new()?;
    let file = folder.path().join("bank.db");
    let bank = transfer(&[file.as_os_str()])?;
    restore(bank, &folder, &file)
}

/// Makes a backup while money is paid in, loses the file, and goes on with the backup.
fn restore(bank: Bank, folder: &Folder, file: &Path) -> nether::Result<()> {
    bank.post(
        "/customers",
        &json!({ "customer_id": "c-1", "name": "Dora" }),
    )?;
    say_name(&bank, "before the backup");
    bank.post("/accounts", &json!({ "account_id": "dora" }))?;
    let pay_in = || bank.post("/accounts/dora/deposits", &json!({ "cents": 1 }));
    for _ in 0..50 {
        pay_in()?;
    }
    let backup = folder.path().join("backup.db");
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
    say_name(&bank, "after the backup");
    bank.kill()?;
    for suffix in ["", "-wal", "-shm"] {
        let mut lost = file.as_os_str().to_owned();
        lost.push(suffix);
        let _ = std::fs::remove_file(lost);
    }
    std::fs::copy(&backup, file)?;
    println!("the file is lost, and a backup that was made meanwhile takes its place");

    let bank = Bank::start(&[file.as_os_str()], 0)?;
    // What was paid in before the backup began is there, and what was paid in after it is not.
    bank.until(|| bank.cents("dora") >= 50)?;
    bank.say("of the backup");
    // It was made before she was forgotten, and does not know her all the same.
    say_name(&bank, "of the backup");
    bank.kill()
}

/// Says what it knows of a customer: a name, or 404 once it is forgotten.
fn say_name(bank: &Bank, when: &str) {
    let name = bank.get("/customers/c-1/name").unwrap_or_default();
    let name = name.as_str().unwrap_or("forgotten");
    println!("{when}: customer c-1 is {name}");
}
