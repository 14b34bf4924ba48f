//! Folders of files: served below a path, and never from outside of the folder.

use std::convert::Infallible;
use std::fs::Metadata;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{ACCEPT, CONTENT_RANGE, IF_RANGE, RANGE};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, StatusCode, Uri, request};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower::ServiceExt;
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, DefaultServeDirFallback};

use crate::escaped::Escaped;
use crate::http::files::late_file::LateFile;
use crate::http::files::places::{ClientPlaces, FilePlaces};
use crate::http::files::ranges;
use crate::http::identity::guard::{self, Guard};
use crate::http::observation::observed::note_folder;
use crate::http::replies::failure_log::refused;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::server::state::{Folder, ServerState};
use crate::route::BoxFuture;

/// The page of an application that has one.
const PAGE: &str = "/index.html";

/// Offers requests to the files of the folder, and what is not among them to `then`.
pub(crate) fn before(folder: &Folder, state: &Arc<ServerState>, then: Router) -> Router {
    let patience = state.settings.request_timeout;
    let is_guarded = state.settings.authenticates_files;
    let guard = Guard::of(state, None).filter(|_| is_guarded);
    let prefix = folder.path.trim_end_matches('/').to_owned();
    let files = Files {
        folder: Arc::from(folder.folder.as_path()),
        places: state.open_files(),
        prefix: Arc::from(prefix),
        single_page: folder.single_page,
    };
    Router::new().fallback(move |request: Request| {
        let (files, then) = (files.clone(), then.clone());
        let guard = guard.clone().filter(|_| files.has_place(&request));
        let answer = async move |request: Request| {
            let (parts, body) = request.into_parts();
            match timeout(patience, files.answer(&parts)).await {
                Err(_) => Details::too_late().answer_to(&parts),
                Ok(Some(response)) => {
                    note_folder(&parts.extensions, &files.prefix);
                    response
                }
                Ok(None) => never(then.oneshot(Request::from_parts(parts, body)).await),
            }
        };
        guard::around(guard, request, answer)
    })
}

fn never<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[derive(Clone)]
struct Files {
    folder: Arc<Path>,
    places: Arc<FilePlaces>,
    prefix: Arc<str>,
    single_page: bool,
}

impl Files {
    /// Whether there may be a file for the request.
    fn has_place(&self, request: &Request) -> bool {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        reads && below(&self.prefix, request.uri().path()).is_some()
    }

    /// The file that the request is for, if there is one.
    async fn answer(&self, request: &request::Parts) -> Option<Response> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return None;
        }
        let inner = below(&self.prefix, request.uri.path())?;
        // No folder has an empty name; and a redirect to `//name/` would lead to another host.
        if !inner.contains("//") {
            let response = self.file(request, inner).await;
            if response.status() != StatusCode::NOT_FOUND {
                return Some(response);
            }
        }
        if self.single_page && is_for_page(request, inner) {
            return Some(self.file(request, PAGE).await);
        }
        None
    }

    async fn file(&self, request: &request::Parts, path: &str) -> Response {
        let mut headers = request.headers.clone();
        ranges::drop_unknown(&request.method, &mut headers);
        let is_conditional = headers.contains_key(RANGE) && headers.contains_key(IF_RANGE);
        if is_conditional || ranges::is_of_end(&headers) {
            let current = self
                .ask(request, (Method::HEAD, HeaderMap::new()), path)
                .await;
            if is_conditional {
                ranges::drop_stale(&mut headers, current.headers());
            }
            ranges::fit_end(&mut headers, current.headers());
        }
        self.ask(request, (request.method.clone(), headers), path)
            .await
    }

    /// What the files have at the path, for the method and the headers; `request` is what asks.
    async fn ask(
        &self,
        request: &request::Parts,
        (method, headers): (Method, HeaderMap),
        path: &str,
    ) -> Response {
        let mut file = Request::new(Body::empty());
        *file.method_mut() = method;
        *file.headers_mut() = headers;
        let path = PathAndQuery::try_from(path);
        *file.uri_mut() = path.map(Uri::from).unwrap_or_default();
        match self.of_client(request).try_call(file).await {
            Ok(response) => refused_or(request, response.into_response()),
            Err(error) => self.problem(request, &error),
        }
    }

    /// The files, as the client of that request may open them.
    fn of_client(&self, request: &request::Parts) -> ServeDir<DefaultServeDirFallback, Inside> {
        let client = request.extensions.get::<ConnectInfo<SocketAddr>>();
        let backend = Inside {
            folder: Arc::clone(&self.folder),
            places: self.places.of(client.map(|client| client.0)),
        };
        ServeDir::with_backend(&self.folder, backend).redirect_path_prefix(&*self.prefix)
    }

    /// The answer where there is no file, or none that can be read.
    fn problem(&self, request: &request::Parts, error: &io::Error) -> Response {
        use io::ErrorKind::{
            InvalidFilename, NotADirectory, NotFound, PermissionDenied, ResourceBusy,
        };
        match error.kind() {
            NotFound | PermissionDenied | NotADirectory | InvalidFilename => {
                StatusCode::NOT_FOUND.into_response()
            }
            ResourceBusy => {
                refused(error);
                Details::unavailable("the server is too busy").answer_to(request)
            }
            _ => {
                let (id, path) = (RequestId::of(&request.headers), request.uri.path());
                tracing::error!(request_id = id.as_str(), path, error = %Escaped(&error), "a file cannot be read");
                Details::internal().answer(&id)
            }
        }
    }
}

/// The answer, or the problem in its place if the request asks for what there is not.
fn refused_or(request: &request::Parts, response: Response) -> Response {
    let detail = match response.status() {
        StatusCode::PRECONDITION_FAILED => {
            "the file is not as `if-match` or `if-unmodified-since` says"
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            "the file does not have the bytes that `range` names; `content-range` says its length"
        }
        _ => return response,
    };
    let mut problem = Details::new(response.status(), detail).answer_to(request);
    if let Some(length) = response.headers().get(CONTENT_RANGE) {
        problem.headers_mut().insert(CONTENT_RANGE, length.clone());
    }
    problem
}

/// The path below the prefix.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    match path.strip_prefix(prefix)? {
        "" => Some("/"),
        inner => inner.starts_with('/').then_some(inner),
    }
}

/// Whether a browser asks for a place within the page, and not for a file that should be there.
fn is_for_page(request: &request::Parts, path: &str) -> bool {
    let accepts = request.headers.get(ACCEPT);
    let accepts = accepts.and_then(|accepts| accepts.to_str().ok());
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    accepts.is_some_and(|accepts| accepts.contains("text/html")) && !is_file
}

/// The files of a folder. A link that leads out of it leads nowhere, and what is hidden is not there.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    folder: Arc<Path>,
    places: ClientPlaces,
}

impl Inside {
    /// The real path, if it is inside. Whatever is the matter with another one, there is nothing at it.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.real(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn real(&self, path: &Path) -> Option<PathBuf> {
        let (folder, real) = (self.folder.canonicalize().ok()?, path.canonicalize().ok()?);
        let is_hidden = is_hidden(path.strip_prefix(&self.folder).ok()?)
            || is_hidden(real.strip_prefix(&folder).ok()?);
        (!is_hidden).then_some(real)
    }

    /// The real path, and what is at it, without holding up others. Anything else than a file or a folder
    /// counts as missing: a FIFO or a device would block its reader.
    async fn resolved(self, path: PathBuf) -> io::Result<(PathBuf, Metadata)> {
        let resolving = tokio::task::spawn_blocking(move || {
            let path = self.resolve(&path)?;
            let metadata = path.metadata()?;
            match metadata.is_file() || metadata.is_dir() {
                true => Ok((path, metadata)),
                false => Err(io::ErrorKind::NotFound.into()),
            }
        });
        resolving.await.map_err(io::Error::other)?
    }
}

/// Whether a file, or a folder that it is in, is hidden, as `.git` and `.env` are; `.well-known` is not (RFC
/// 8615).
fn is_hidden(path: &Path) -> bool {
    let mut names = path.components().map(|part| part.as_os_str());
    names.any(|name| name.as_encoded_bytes().starts_with(b".") && name != ".well-known")
}

impl Backend for Inside {
    type File = LateFile;
    type Metadata = Metadata;
    type OpenFuture = BoxFuture<io::Result<Self::File>>;
    type MetadataFuture = BoxFuture<io::Result<Self::Metadata>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let inside = self.clone();
        Box::pin(async move {
            let places = inside.places.clone();
            let (path, metadata) = inside.resolved(path).await?;
            LateFile::new(path, metadata, places)
        })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let inside = self.clone();
        Box::pin(async move { Ok(inside.resolved(path).await?.1) })
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn a_path_is_below_a_whole_prefix() {
        assert_eq!(below("/assets", "/assets/a.css"), Some("/a.css"));
        assert_eq!(below("/assets", "/assets"), Some("/"));
        assert_eq!(below("/assets", "/assets-of-others/a.css"), None);
        assert_eq!(below("", "/a.css"), Some("/a.css"));
    }
}
