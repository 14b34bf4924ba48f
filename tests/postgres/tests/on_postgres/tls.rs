//! Encrypted connections: the server's certificate and name are verified.

use std::path::{Path, PathBuf};
use std::process::Command;

use nether::eventstore::EventStore;
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

/// Makes a certificate for that name, and a key, by `openssl`.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    );
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            &format!("subjectAltName=DNS:{name}"),
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    let made = made.expect("`openssl` is installed: PostgreSQL of Debian brings it");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    (certificate, key)
}

#[tokio::test]
async fn the_certificate_and_the_name_of_the_server_are_verified() {
    let folder = std::env::temp_dir().join(format!("nether-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let (certificate_file, key) = certificate(&folder, "localhost");
    let (other, _) = certificate(&folder, "example.com");
    let server = Server::with_certificate(&certificate_file, &key);
    let database = server.database().await;
    let address = |host: &str, options: &str| {
        format!(
            "postgres://postgres@{host}:{}/{}?{options}",
            server.port(),
            database.name()
        )
    };
    let roots = format!(
        "sslmode=verify-full&sslrootcert={}",
        certificate_file.display()
    );
    let store = PostgresStore::connect(&address("localhost", &roots)).await;
    let store = store.expect("it is the server's certificate");
    assert_eq!(store.head().await.expect("it can be read").0, 0);
    let client = database.client().await;
    let encrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
        WHERE a.application_name = 'nether' AND s.ssl";
    let row = client
        .query_one(encrypted, &[])
        .await
        .expect("it can be read");
    assert!(row.get::<_, i64>(0) >= 2, "its connections are encrypted");

    let wrong_roots = format!("sslmode=require&sslrootcert={}", other.display());
    let refused = PostgresStore::connect(&address("localhost", &wrong_roots)).await;
    let error = refused.expect_err("another has signed it").to_string();
    assert!(error.contains("certificate"), "{error}");
    let refused = PostgresStore::connect(&address("127.0.0.1", &roots)).await;
    let error = refused.expect_err("it is not its name").to_string();
    assert!(error.contains("certificate"), "{error}");
    for (options, said) in [
        ("sslmode=prefer", "`sslmode=prefer` is not possible"),
        (
            "sslmode=require&sslrootcert=/none",
            "`/none` cannot be read",
        ),
        ("sslmode=require&sslcert=/none", "`sslcert` needs `sslkey`"),
        ("sslmode=require&sslrootcert=/dev/null", "no certificate"),
        ("color=red", "unknown option `color`"),
    ] {
        let refused = PostgresStore::connect(&address("localhost", options)).await;
        let error = refused.expect_err(options).to_string();
        assert!(error.contains(said), "{options}: {error}");
    }
    std::fs::remove_dir_all(&folder).expect("it is there");
}

#[tokio::test]
async fn a_password_is_not_sent_in_the_clear_unless_the_address_says_so() {
    // No server is asked: 192.0.2.0/24 is for documentation, and the name is resolved nowhere.
    let server = Server::shared();
    let database = server.database().await;
    let refused = format!(
        "postgres://postgres:geheim@0.0.0.0:{}/{}?connect_timeout=5",
        server.port(),
        database.name()
    );
    let error = PostgresStore::connect(&refused)
        .await
        .expect_err("the server has no TLS");
    let error = error.to_string();
    assert!(error.contains("TLS"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    let allowed = format!("{refused}&sslmode=disable");
    let store = PostgresStore::connect(&allowed).await.expect("it is said");
    assert!(!format!("{store:?}").contains("geheim"), "{store:?}");
}
