//! Connections that cannot be opened: the error says why and where, and has no password.

use std::fs;

use nether::eventstore::StoreError;
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

const SECRET: &str = "hunter2secret";

/// The error of connecting to that address.
async fn refused(address: &str) -> StoreError {
    let options = PostgresStore::options().schema("s");
    assert!(!format!("{options:?}").contains(SECRET));
    let error = options.connect(address).await.unwrap_err();
    for text in [
        format!("{error}"),
        format!("{error:?}"),
        format!("{error:#?}"),
    ] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    error
}

async fn check_unavailable(address: &str, told: &[&str]) {
    let error = refused(address).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    for told in told {
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
}

async fn check_failed(address: &str, told: &[&str]) {
    let error = refused(address).await;
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    for told in told {
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let at = format!("127.0.0.1:{port}");
    let address = format!("postgres://bob:{SECRET}@{at}/bank");
    check_unavailable(&address, &["127.0.0.1", "bank", "refused"]).await;
    let address = format!("host=127.0.0.1 port={port} user=bob password={SECRET} dbname=bank");
    check_unavailable(&address, &["127.0.0.1", "bank", "refused"]).await;
    let unknown = format!("postgres://bob:{SECRET}@nowhere.invalid/bank?sslmode=disable");
    check_unavailable(&unknown, &["nowhere.invalid", "bank"]).await;
    let socket = format!("postgres://bob:{SECRET}@%2Fno%2Fsuch%2Ffolder/bank");
    check_unavailable(&socket, &["/no/such/folder", "bank"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_is_said_as_it_says_it() {
    let server = Server::start(&["fsync=off"]);
    let database = server.database().await;
    let client = database.client().await;
    let role = format!(
        "CREATE ROLE bob LOGIN PASSWORD '{SECRET}'; CREATE ROLE carol LOGIN SUPERUSER PASSWORD 'two  spaces'"
    );
    client.batch_execute(&role).await.unwrap();
    let rules = "local all postgres trust\nhost all bob,carol 127.0.0.1/32 scram-sha-256\n";
    fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
    client
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .unwrap();
    let (port, name) = (server.port(), database.name());
    let wrong = format!("postgres://bob:{SECRET}wrong@127.0.0.1:{port}/{name}");
    let told = [
        "password authentication failed",
        "bob",
        "28P01",
        "127.0.0.1",
    ];
    crate::support::until("it has read its rules", async || {
        let tried = PostgresStore::connect(&wrong).await.unwrap_err();
        tried.to_string().contains("28P01")
    })
    .await;
    check_failed(&wrong, &told).await;
    let none = format!("postgres://bob@127.0.0.1:{port}/{name}");
    check_failed(&none, &["password missing"]).await;
    let unknown = format!("postgres://bob:{SECRET}@127.0.0.1:{port}/nothing");
    check_failed(&unknown, &["\"nothing\" does not exist", "3D000"]).await;
    let denied = format!("postgres://alice:{SECRET}@127.0.0.1:{port}/{name}");
    check_failed(&denied, &["pg_hba.conf", "alice"]).await;
    let right = format!("postgres://bob:{SECRET}@127.0.0.1:{port}/{name}");
    check_failed(&right, &["GRANT CREATE ON DATABASE"]).await;
    client
        .batch_execute(&format!("GRANT CREATE ON DATABASE {name} TO bob"))
        .await
        .unwrap();
    let quoted = format!(
        "host=127.0.0.1 port={port} user=carol password='two  spaces' sslmode=disable dbname={name}"
    );
    let store = PostgresStore::connect(&right).await.unwrap();
    PostgresStore::connect(&quoted).await.unwrap();
    assert!(!format!("{store:?}").contains(SECRET));
}

#[tokio::test]
async fn an_address_that_is_not_valid_is_not_repeated() {
    for address in [
        // What is in a password must be encoded, or it ends elsewhere.
        format!("postgres://bob:x@{SECRET}@localhost/bank"),
        format!("postgres://bob:x/{SECRET}@localhost/bank"),
        format!("postgres://bob:x?{SECRET}=1@localhost/bank"),
        format!("postgres://bob:x?sslmode={SECRET}@localhost/bank"),
        format!("postgres://bob:x#{SECRET}@localhost:port/bank"),
        format!("postgres://bob:{SECRET}@localhost:port/bank"),
        format!("postgres://bob:{SECRET}@localhost/bank?nonsense=1"),
        format!("postgres://bob:{SECRET}%zz@localhost/bank?connect_timeout=soon"),
        format!("host=localhost port=x password={SECRET}"),
        format!("host=localhost password=x {SECRET}=1"),
        format!("host=localhost password=x {SECRET}"),
        format!("host=localhost password='x {SECRET}"),
        SECRET.to_owned(),
        format!("mysql://bob:{SECRET}@localhost/bank"),
        format!("host=localhost password={SECRET} sslmode={SECRET}"),
    ] {
        let error = refused(&address).await;
        assert!(error.to_string().contains("address"), "{error}");
    }
}
