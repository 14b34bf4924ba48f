//! [`ReceivedRequest`]: a request that was let in, on its way to what answers it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, request};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::http::connections::body::RequestBody;
use crate::http::connections::permits::RequestPermit;
use crate::http::rare_headers::RareHeaders;
use crate::http::request_scope::RequestWishes;

/// A request that was let in. What axum's routers need is only made of it for them: extensions and a boxed
/// body cost more than all that an endpoint does with them.
pub(crate) struct ReceivedRequest {
    pub(crate) parts: request::Parts,
    pub(crate) body: ReceivedBody,
    pub(crate) rare: RareHeaders,
    pub(crate) wishes: RequestWishes,
    /// Its place among the requests at work.
    pub(crate) permit: RequestPermit,
    /// The address of the client, until it is noted.
    pub(crate) client: Option<SocketAddr>,
}

/// What there is to read of a request.
pub(crate) enum ReceivedBody {
    Nothing,
    /// As it comes from the connection.
    Direct(RequestBody),
    /// As a router has left it.
    Routed(Body),
}

impl ReceivedRequest {
    /// One that a router hands on.
    pub(crate) fn routed(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let rare = RareHeaders::of(&parts.headers);
        let permit = parts.extensions.get::<RequestPermit>().cloned();
        // A user's middleware may have made the request anew, and holds its place itself.
        let permit = permit.unwrap_or_default();
        ReceivedRequest {
            rare,
            wishes: RequestWishes::of(rare.among(&parts.headers)),
            parts,
            body: ReceivedBody::Routed(body),
            permit,
            client: None,
        }
    }

    /// The headers, to look for a rare one among them.
    pub(crate) fn rare_headers(&self) -> &HeaderMap {
        self.rare.among(&self.parts.headers)
    }

    /// Notes the address of the client where those look who find out who it is.
    pub(crate) fn note_client(&mut self) {
        if let Some(client) = self.client.take() {
            self.parts.extensions.insert(ConnectInfo(client));
        }
    }

    /// The request in the form that a router takes.
    pub(crate) fn for_router(mut self) -> Request {
        self.note_client();
        self.parts.extensions.insert(self.permit);
        let body = match self.body {
            ReceivedBody::Nothing => Body::empty(),
            ReceivedBody::Direct(body) => Body::new(body),
            ReceivedBody::Routed(body) => body,
        };
        Request::from_parts(self.parts, body)
    }
}

impl HttpBody for ReceivedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            ReceivedBody::Nothing => Poll::Ready(None),
            ReceivedBody::Direct(body) => Pin::new(body).poll_frame(cx),
            ReceivedBody::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReceivedBody::Nothing => true,
            ReceivedBody::Direct(body) => body.is_end_stream(),
            ReceivedBody::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReceivedBody::Nothing => SizeHint::with_exact(0),
            ReceivedBody::Direct(body) => body.size_hint(),
            ReceivedBody::Routed(body) => body.size_hint(),
        }
    }
}
