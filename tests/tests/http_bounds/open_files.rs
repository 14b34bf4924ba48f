//! How many files may be open to be sent, in all and for one address.

use std::fs;

use nether_tests::Folder;
use nether_tests::http::{PATIENCE, connect, get, head_and_body, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::{check, desk};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_beyond_the_open_files_allowed_get_retry_after() {
    let folder = Folder::new("many-files");
    fs::write(folder.0.join("large"), vec![0; 30 << 20]).expect("it can be written");
    let (_system, at) = desk(|server| server.files("/", &folder.0).max_open_files(4)).await;
    let mut lazy = Vec::new();
    for _ in 0..2 {
        let mut client = connect(&at).await;
        client.write(head_and_body("GET /large", &[], "")).await;
        client.until("\0").await;
        lazy.push(client);
    }
    // Of the four places, one address has two.
    let refused = get(&at, "/large").await;
    check(&refused, 503, "too busy");
    assert_eq!(refused.header("retry-after"), "1");
    let socket = TcpSocket::new_v4().expect("there is room");
    let other = "127.0.0.2:0".parse().expect("it is an address");
    socket.bind(other).expect("it is of this machine");
    let address = at.parse().expect("it is an address");
    let mut other = socket.connect(address).await.expect("it is open");
    let large = head_and_body("GET /large", &[], "");
    other.write_all(large.as_bytes()).await.expect("it is open");
    let mut status = [0; 12];
    other.read_exact(&mut status).await.expect("it is answered");
    assert_eq!(&status, b"HTTP/1.1 200", "others are not kept out");
    drop(other);
    lazy.clear();
    let room = async {
        while request(&at, "GET /large", &[("range", "bytes=0-1")], "")
            .await
            .status
            == 503
        {}
    };
    timeout(PATIENCE, room).await.expect("there is room again");
}
