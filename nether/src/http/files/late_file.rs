//! [`LateFile`]: a file to be sent, which is open only while its client reads it.
//!
//! A client of HTTP/2 may ask for many files and read none. Were they open by then, a few such clients would
//! have all the files that the process may open. What one chunk holds is read and closed before anything is
//! sent; a larger file is open while it is sent, and no more of these are than may be.

use std::fs::{File, Metadata};
use std::future::{self, Ready};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs;

use crate::escaped::Escaped;
use crate::http::files::places::{ClientPlaces, FilePlace};
use crate::route::BoxFuture;

/// A file that is opened when it is read for the first time, and closed with its last byte.
pub(crate) struct LateFile {
    path: PathBuf,
    /// What was there when its client asked for it: the length of it is in the head of the answer.
    metadata: Metadata,
    /// Where the next byte is read.
    position: u64,
    /// Among the files that may be open for its client.
    places: ClientPlaces,
    state: FileState,
}

enum FileState {
    Closed,
    /// In a lock that is never waited for: a file is asked to be `Sync`, and a future is not.
    Opening(Mutex<BoxFuture<io::Result<OpenFile>>>),
    Open(OpenFile),
}

/// A file, and its place among those that may be open.
struct OpenFile {
    file: tokio::fs::File,
    _place: FilePlace,
}

impl LateFile {
    /// The file at that path.
    ///
    /// # Errors
    /// If it is no file, or as many files are open as may be.
    pub(crate) fn new(path: PathBuf, metadata: Metadata, places: ClientPlaces) -> io::Result<Self> {
        if !metadata.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !places.have_room() {
            let text = "as many files are open as may be";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
        }
        Ok(LateFile {
            path,
            metadata,
            position: 0,
            places,
            state: FileState::Closed,
        })
    }

    /// Opens it, once there is room.
    fn opening(&self) -> BoxFuture<io::Result<OpenFile>> {
        let (path, metadata) = (self.path.clone(), self.metadata.clone());
        let (places, position) = (self.places.clone(), self.position);
        Box::pin(async move {
            let place = places.take().await;
            let place = place.ok_or_else(|| io::Error::other("no file can be opened any more"))?;
            let opening = move || {
                let mut file = open_file(&path)?;
                let now = file.metadata()?;
                if !is_same(&metadata, &now) {
                    return Err(io::Error::other(
                        "the file has changed since it was asked for",
                    ));
                }
                file.seek(SeekFrom::Start(position))?;
                Ok(file)
            };
            let file = tokio::task::spawn_blocking(opening).await;
            Ok(OpenFile {
                file: tokio::fs::File::from_std(file.map_err(io::Error::other)??),
                _place: place,
            })
        })
    }

    /// It cannot be opened, though it could be when it was asked for.
    fn lost(&mut self, error: io::Error) -> io::Error {
        self.state = FileState::Closed;
        let path = self.path.display();
        tracing::warn!(path = %Escaped(path), error = %Escaped(&error), "a file cannot be read any more");
        error
    }
}

/// Opens a file. What has become a FIFO meanwhile is not waited for.
#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether it is still the file that was asked for.
fn is_same(before: &Metadata, now: &Metadata) -> bool {
    let modified = |it: &Metadata| it.modified().ok();
    now.is_file() && before.len() == now.len() && modified(before) == modified(now)
}

impl AsyncRead for LateFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let late = &mut *self;
        loop {
            match &mut late.state {
                FileState::Closed if late.position >= late.metadata.len() => {
                    return Poll::Ready(Ok(()));
                }
                FileState::Closed => {
                    let opening = Mutex::new(late.opening());
                    late.state = FileState::Opening(opening);
                }
                FileState::Opening(opening) => {
                    let opening = opening.get_mut().unwrap_or_else(|it| it.into_inner());
                    let opened = ready!(opening.as_mut().poll(cx));
                    late.state = match opened {
                        Ok(open) => FileState::Open(open),
                        Err(error) => return Poll::Ready(Err(late.lost(error))),
                    };
                }
                FileState::Open(open) => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(&mut open.file).poll_read(cx, buffer))?;
                    late.position += (buffer.filled().len() - before) as u64;
                    if late.position >= late.metadata.len() {
                        late.state = FileState::Closed;
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncSeek for LateFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match position {
            SeekFrom::Start(position) => {
                self.position = position;
                self.state = FileState::Closed;
                Ok(())
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position))
    }
}

impl fs::File for LateFile {
    type Metadata = Metadata;
    type MetadataFuture<'a> = Ready<io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        future::ready(Ok(self.metadata.clone()))
    }
}
