//! An address that cannot be served at ends the program with an error that names it.

use std::process::Command;

#[test]
fn an_address_that_is_none_is_named() {
    let server = Command::new(env!("CARGO_BIN_EXE_server"))
        .arg("nowhere")
        .output()
        .expect("it runs");
    assert!(!server.status.success(), "{server:?}");
    let errors = String::from_utf8_lossy(&server.stderr);
    assert!(errors.contains("nowhere"), "{errors}");
}
