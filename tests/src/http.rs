//! A client that knows nothing but bytes: what it sends is what the test says, mistakes included.

use std::time::Duration;

use nether::http::{
    Authenticate, HeaderName, ProblemDetails, RequestHead, SecurityScheme, Server, StartServer,
    from_fn,
};
use nether::{Principal, System};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything takes here; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, as it came.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The lines of the head behind the first.
    pub headers: Vec<(String, String)>,
    /// All behind the head.
    pub body: String,
}

impl Answer {
    /// The header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map_or("", |(_, value)| value)
    }

    /// The body, which is JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    fn read(text: &str) -> Option<Answer> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        Some(Answer {
            status,
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        })
    }
}

/// Believes what a request says in `x-user` and, with commas between, in `x-roles`; one user is
/// refused.
pub fn by_header() -> impl Authenticate {
    let scheme = SecurityScheme::header(HeaderName::from_static("x-user"));
    from_fn([scheme], async |head: RequestHead| {
        let roles = head.header("x-roles").unwrap_or_default().split(',');
        let roles = roles.filter(|role| !role.is_empty()).map(str::to_owned);
        match head.header("x-user") {
            None => Ok(Principal::anonymous()),
            Some("nobody") => Err(ProblemDetails::unauthorized("there is no such user")),
            Some(user) => Ok(Principal::new(user).with_roles(roles)),
        }
    })
}

/// Attaches the server and opens a free port; gives back the address.
pub async fn open(system: &System, server: Server) -> String {
    system.attach(server).await.expect("it is the only server");
    start(system).await
}

/// Opens a free port of a server that is attached.
pub async fn start(system: &System) -> String {
    let address = "127.0.0.1:0".to_owned();
    let ctx = system.context();
    let started = ctx.send(StartServer { address }).await;
    ctx.close().await.expect("nothing else is done");
    started.expect("there is a free port")
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What has come and was not taken.
    come: String,
}

/// Opens a connection.
pub async fn connect(address: &str) -> Connection {
    let stream = TcpStream::connect(address).await.expect("it is open");
    Connection {
        stream,
        come: String::new(),
    }
}

impl Connection {
    /// Sends the bytes. The other side may have ended it already.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// All that comes until the connection is closed.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let reading = timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        // A connection that is reset has ended too.
        let _ = reading.expect("the connection ends");
        std::mem::take(&mut self.come) + &String::from_utf8_lossy(&bytes)
    }

    /// What comes, up to the end of `text`.
    pub async fn until(&mut self, text: &str) -> String {
        if timeout(PATIENCE, self.fill(text)).await.is_err() {
            panic!("{text:?} does not come after {:?}", self.come);
        }
        let end = self.come.find(text).expect("it has come") + text.len();
        let rest = self.come.split_off(end);
        std::mem::replace(&mut self.come, rest)
    }

    async fn fill(&mut self, text: &str) {
        while !self.come.contains(text) {
            let mut bytes = [0; 4096];
            let read = self.stream.read(&mut bytes).await;
            let read = read.expect("it can be read");
            assert!(read > 0, "{text:?} was not in {:?}", self.come);
            self.come.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }
}

/// Sends the bytes, and takes the answer. Nothing may follow on the connection.
pub async fn send(address: &str, bytes: impl AsRef<[u8]>) -> Answer {
    let mut connection = connect(address).await;
    // The answer may come, and the connection end, before all is sent.
    connection.write(bytes).await;
    let text = connection.rest().await;
    Answer::read(&text).unwrap_or_else(|| panic!("no answer: {text:?}"))
}

/// A request with these headers and this body.
pub async fn request(address: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send(address, head_and_body(line, headers, body)).await
}

/// The text of a request.
pub fn head_and_body(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}")
}

/// What content a request has here.
pub const JSON: (&str, &str) = ("content-type", "application/json");

/// A GET.
pub async fn get(address: &str, path: &str) -> Answer {
    request(address, &format!("GET {path}"), &[], "").await
}

/// A POST of JSON.
pub async fn post(address: &str, path: &str, json: &str) -> Answer {
    request(address, &format!("POST {path}"), &[JSON], json).await
}

/// The text that was replied.
///
/// # Panics
/// If the answer is an error, or no text.
pub fn text(answer: &Answer) -> String {
    assert!(answer.status < 300, "{answer:?}");
    serde_json::from_str(&answer.body).expect("a text")
}

/// Checks that a request was refused for what is in one of its fields.
///
/// # Panics
/// If it was not, or the problem says something else.
#[track_caller]
pub fn check_refused(answer: &Answer, said: &str, field: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{said:?} is not in {detail:?}");
    assert_eq!(problem["field"], field, "{detail}");
}
