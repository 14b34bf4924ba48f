//! A client of HTTP/2 that knows nothing but frames, as [`http`](crate::http) has one of HTTP/1.1: it reads what
//! the test wants it to, and opens no window that the test does not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::PATIENCE;

/// Types of frames (RFC 9113, section 6).
pub const DATA: u8 = 0;
/// The head of a request or an answer.
pub const HEADERS: u8 = 1;
/// The end of a stream before its time.
pub const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

/// The flag of the last frame of a stream.
pub const END_STREAM: u8 = 0x1;

const END_HEADERS: u8 = 0x4;

/// The flags of a head that is a whole request.
const WHOLE: u8 = 0x5;
const ACK: u8 = 0x1;

/// A frame, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// The stream it belongs to; 0 for the connection.
    pub stream: u32,
    /// The content of the frame.
    pub payload: Vec<u8>,
}

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Frames(TcpStream);

impl Frames {
    /// Opens one on which streams have no window unless they get one.
    pub async fn connect(address: &str) -> Frames {
        let stream = TcpStream::connect(address).await.expect("it is open");
        let mut frames = Frames(stream);
        frames.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
        frames
    }

    /// Sends bytes as they are. The other side may have ended the connection.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.write(&frame).await;
    }

    /// Asks the host `localhost` for a path.
    pub async fn ask(&mut self, stream: u32, method: &str, path: &str) {
        self.ask_host("localhost", stream, method, path).await;
    }

    /// Asks a host for a path.
    pub async fn ask_host(&mut self, host: &str, stream: u32, method: &str, path: &str) {
        // `:scheme` is in the static table (RFC 7541, appendix A), and the names of the others are.
        let mut head = vec![0x86];
        for (name, value) in [(0x02, method), (0x01, host), (0x04, path)] {
            head.push(name);
            text(&mut head, value);
        }
        self.send(HEADERS, WHOLE, stream, &head).await;
    }

    /// Sends a request with these headers and this body to the host `localhost`.
    pub async fn request(
        &mut self,
        stream: u32,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) {
        let mut head = vec![0x86];
        for (name, value) in [(0x02, method), (0x01, "localhost"), (0x04, path)] {
            head.push(name);
            text(&mut head, value);
        }
        for (name, value) in headers {
            head.push(0);
            text(&mut head, name);
            text(&mut head, value);
        }
        self.send(HEADERS, END_HEADERS, stream, &head).await;
        self.send(DATA, END_STREAM, stream, body.as_bytes()).await;
    }

    /// Ends a stream.
    pub async fn reset(&mut self, stream: u32) {
        self.send(RESET, 0, stream, &[0, 0, 0, 8]).await;
    }

    /// Lets a stream send so many bytes.
    pub async fn open_window(&mut self, stream: u32, bytes: u32) {
        let bytes = bytes.to_be_bytes();
        self.send(WINDOW_UPDATE, 0, stream, &bytes).await;
    }

    /// The next frame; `None` at the end of the connection. Settings and pings are answered.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let reading = timeout(PATIENCE, self.read()).await;
            let frame = reading.expect("a frame comes, or the end")?;
            match (frame.kind, frame.flags & ACK) {
                (SETTINGS, 0) => self.send(SETTINGS, ACK, 0, &[]).await,
                (PING, 0) => self.send(PING, ACK, 0, &frame.payload).await,
                (SETTINGS | PING | WINDOW_UPDATE, _) => {}
                _ => return Some(frame),
            }
        }
    }

    /// The next frame of that kind on that stream.
    ///
    /// # Panics
    /// If the connection ends before it.
    pub async fn until(&mut self, kind: u8, stream: u32) -> Frame {
        while let Some(frame) = self.next().await {
            if (frame.kind, frame.stream) == (kind, stream) {
                return frame;
            }
        }
        panic!("no frame of kind {kind} came on stream {stream}")
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }
}

/// Adds a text of less than 127 bytes (RFC 7541, section 5.2).
fn text(head: &mut Vec<u8>, text: &str) {
    head.push(text.len() as u8);
    head.extend(text.as_bytes());
}
