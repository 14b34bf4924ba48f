//! [`Server`]: a server in a folder of its own, which ends with its process.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, Pool};
use tokio_postgres::{Client, Config, NoTls};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the server when the process that has started it is gone, whose end of the standard input is closed
/// then, and removes its folder; unless it reads that the server alone is stopped.
const GUARD: &str = r#"
folder=$1; shift
"$@" & server=$!
read -r stopped && exit
kill -s INT $server 2> /dev/null; wait $server
rm -rf "$folder"
"#;

/// How a server is stopped.
#[derive(Debug, Clone, Copy)]
pub enum StopMode {
    /// In order: sessions are ended, and everything is on the disk.
    Fast,
    /// As by a crash: the next start recovers from the log.
    Immediate,
}

/// A server of PostgreSQL.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    guard: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Server {
    /// The server that the tests of this process share. Nothing is on the disk when a commit is acknowledged,
    /// since the tests that share it cut off no power.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(&["fsync=off", "max_connections=400"]))
    }

    /// A server of its own that accepts encrypted connections, by that certificate and key.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    pub fn with_certificate(certificate: &Path, key: &Path) -> Server {
        let server = Server::make(&[
            "fsync=off",
            "ssl=on",
            "ssl_cert_file=own.crt",
            "ssl_key_file=own.key",
        ]);
        for (from, name) in [(certificate, "own.crt"), (key, "own.key")] {
            let file = server.data().join(name);
            fs::copy(from, &file).expect("it can be copied");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))
                .expect("it is this process's");
            own(&file);
        }
        server.begin();
        server
    }

    /// A server of its own, with these settings.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    pub fn start(settings: &[&str]) -> Server {
        let server = Server::make(settings);
        server.begin();
        server
    }

    /// A server that was not started yet.
    fn make(settings: &[&str]) -> Server {
        static SERVERS: AtomicU32 = AtomicU32::new(0);
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        // Short, since the name of a socket may have no more than 107 bytes.
        let name = format!("nether-pg-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder can be made");
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&folder, permissions).expect("it is this process's");
        own(&folder);
        let server = Server {
            port: free_port(),
            folder,
            settings: settings.iter().map(|it| (*it).to_owned()).collect(),
            guard: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        let data = server.data();
        let made = as_postgres(&program("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--no-sync", "--pgdata"])
            .arg(&data)
            .output();
        checked(made, "initdb");
        server
    }

    /// Starts it again after a stop.
    ///
    /// # Panics
    /// If it does not start.
    pub fn begin(&self) {
        let postgres = program("postgres");
        let user = as_postgres(&postgres);
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "sh"])
            .arg(&self.folder)
            .arg(user.get_program())
            .args(user.get_args());
        command.arg("-D").arg(self.data());
        command.arg("-k").arg(&self.folder);
        command.args(["-p", &self.port.to_string(), "-h", "127.0.0.1"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log"));
        let log = log.expect("the folder is there");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        let guard = command.spawn().expect("there is a shell");
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
        let until = Instant::now() + PATIENCE;
        while !self.accepts() {
            assert!(Instant::now() < until, "the server starts: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(&self, mode: StopMode) {
        let mode = match mode {
            StopMode::Fast => "fast",
            StopMode::Immediate => "immediate",
        };
        let stopped = as_postgres(&program("pg_ctl"))
            .args(["stop", "--wait", "--mode", mode, "--pgdata"])
            .arg(self.data())
            .output();
        checked(stopped, "pg_ctl");
        let guard = self
            .guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut guard) = guard {
            let told = guard.stdin.take().map(|mut it| it.write_all(b"stopped\n"));
            told.expect("it is piped").expect("the guard is there");
            let _ = guard.wait();
        }
    }

    /// The port that it listens at on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with its socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A new, empty database.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn database(&self) -> Database<'_> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let client = self.client("postgres", "postgres").await;
        let made = client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await;
        made.expect("a database can be made");
        Database { server: self, name }
    }

    async fn client(&self, database: &str, role: &str) -> Client {
        let config = self.config(database, role);
        let (client, connection) = config.connect(NoTls).await.expect("the server accepts");
        tokio::spawn(connection);
        client
    }

    fn config(&self, database: &str, role: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(&self.folder)
            .port(self.port)
            .user(role)
            .dbname(database);
        config
    }

    fn accepts(&self) -> bool {
        let ready = Command::new(program("pg_isready"))
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .output();
        ready.is_ok_and(|it| it.status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let guard = self
            .guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut guard) = guard {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// A database of a server.
#[derive(Debug)]
pub struct Database<'a> {
    server: &'a Server,
    name: String,
}

impl Database<'_> {
    /// Its address by the socket of the server, for its superuser.
    pub fn address(&self) -> String {
        self.address_as("postgres")
    }

    /// Its address by the socket of the server, for a role.
    pub fn address_as(&self, role: &str) -> String {
        let folder = self.server.folder.display().to_string();
        let folder = folder.replace('/', "%2F");
        format!(
            "postgres://{role}@{folder}:{}/{}",
            self.server.port, self.name
        )
    }

    /// Its address by TCP, at that port of this machine.
    pub fn address_at(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{}", self.name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection to it, as its superuser.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn client(&self) -> Client {
        self.client_as("postgres").await
    }

    /// A connection to it, as a role.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn client_as(&self, role: &str) -> Client {
        self.server.client(&self.name, role).await
    }

    /// A pool of connections to it, as a program has one.
    ///
    /// # Panics
    /// Never: no connection is opened yet.
    pub fn pool(&self, size: usize) -> Pool {
        let config = self.server.config(&self.name, "postgres");
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(size);
        pool.build().expect("no time-outs are set")
    }
}

/// A program of PostgreSQL: in the path, or where Debian has it.
fn program(name: &str) -> PathBuf {
    let of_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&of_path).collect();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|found| found.flatten().map(|it| it.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    let mut programs = folders.into_iter().map(|it| it.join(name));
    programs.find(|it| it.is_file()).unwrap_or_else(|| {
        panic!(
            "`{name}` is not installed: these tests need PostgreSQL, `apt-get install postgresql`"
        )
    })
}

/// A command that PostgreSQL runs by: it refuses to be root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program);
    command.current_dir("/");
    command
}

/// Gives a file or folder to the user that runs servers.
fn own(path: &Path) {
    if is_root() {
        let (user, group) = postgres_user();
        chown(path, Some(user), Some(group)).expect("root may do that");
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

/// The user and the group named `postgres`.
fn postgres_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = users
        .lines()
        .find_map(|line| line.strip_prefix("postgres:"));
    let mut numbers = user.unwrap_or_default().split(':').skip(1).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(user)), Some(Ok(group))) => (user, group),
        _ => panic!("there is no user `postgres`, as which a server runs that root starts"),
    }
}

/// A port that nothing listens at.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

fn checked(output: io::Result<Output>, program: &str) {
    let output = output.unwrap_or_else(|error| panic!("`{program}` cannot be run: {error}"));
    assert!(
        output.status.success(),
        "`{program}` succeeds: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
