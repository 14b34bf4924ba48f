//! Folders of files: served below a path, and never from outside of the folder.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, IF_RANGE, RANGE};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, StatusCode, Uri, request};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower::ServiceExt;
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, TokioBackend};

use crate::http::problem::Details;
use crate::http::ranges;
use crate::http::server_state::Folder;
use crate::http::settings::ServerSettings;
use crate::route::BoxFuture;

/// The page of an application that has one.
const PAGE: &str = "/index.html";

/// Offers requests to the files of the folder, and what is not among them to `then`.
pub(super) fn before(folder: &Folder, settings: &ServerSettings, then: Router) -> Router {
    let patience = settings.request_timeout;
    let prefix = folder.path.trim_end_matches('/').to_owned();
    let backend = Inside {
        folder: folder.folder.clone(),
    };
    let files = Files {
        files: ServeDir::with_backend(&folder.folder, backend).redirect_path_prefix(&prefix),
        prefix,
        single_page: folder.single_page,
    };
    Router::new().fallback(move |request: Request| {
        let (files, then) = (files.clone(), then.clone());
        async move {
            let (parts, body) = request.into_parts();
            match timeout(patience, files.answer(&parts)).await {
                Err(_) => Details::too_late().answer_to(&parts),
                Ok(Some(response)) => response,
                Ok(None) => never(then.oneshot(Request::from_parts(parts, body)).await),
            }
        }
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
    files: ServeDir<tower_http::services::fs::DefaultServeDirFallback, Inside>,
    prefix: String,
    single_page: bool,
}

impl Files {
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
        if headers.contains_key(RANGE) && headers.contains_key(IF_RANGE) {
            let current = self.ask(Method::HEAD, HeaderMap::new(), path).await;
            ranges::drop_stale(&mut headers, current.headers());
        }
        self.ask(request.method.clone(), headers, path).await
    }

    async fn ask(&self, method: Method, headers: HeaderMap, path: &str) -> Response {
        let mut file = Request::new(Body::empty());
        *file.method_mut() = method;
        *file.headers_mut() = headers;
        let path = PathAndQuery::try_from(path);
        *file.uri_mut() = path.map(Uri::from).unwrap_or_default();
        never(self.files.clone().oneshot(file).await).into_response()
    }
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
pub(super) struct Inside {
    folder: PathBuf,
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

    /// The same, without holding up others.
    async fn resolved(self, path: PathBuf) -> io::Result<PathBuf> {
        let resolving = tokio::task::spawn_blocking(move || self.resolve(&path));
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
    type File = <TokioBackend as Backend>::File;
    type Metadata = <TokioBackend as Backend>::Metadata;
    type OpenFuture = BoxFuture<io::Result<Self::File>>;
    type MetadataFuture = BoxFuture<io::Result<Self::Metadata>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let inside = self.clone();
        Box::pin(async move { TokioBackend.open(inside.resolved(path).await?).await })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let inside = self.clone();
        Box::pin(async move { TokioBackend.metadata(inside.resolved(path).await?).await })
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
