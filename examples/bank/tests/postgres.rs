//! The bank in a database of PostgreSQL does what that in a file does.

use std::process::Command;

use nether_postgres_tests::Server;

#[tokio::test]
async fn the_output_is_that_of_the_bank_in_a_file() {
    let server = Server::start(&[]);
    let database = server.database().await;
    let program = env!("CARGO_BIN_EXE_bank-postgres");
    let output = Command::new(program).arg(database.address()).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("text");
    let transfer = include_str!("../output.txt").lines().take(5);
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        transfer.collect::<Vec<_>>()
    );
}
