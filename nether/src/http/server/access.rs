//! Settings of [`Server`] that say who may ask: hosts, origins, proxies.

use tower_http::cors::CorsLayer;

use crate::http::access::client_address::ForwardedHeader;
use crate::http::server::Server;

impl Server {
    /// The hosts that the server answers for, as requests name them in the header `host`. A request for
    /// another host is answered with 421.
    ///
    /// | host | answers for |
    /// |---|---|
    /// | `shop.example` | that name, at any port |
    /// | `shop.example:8443` | that name at that port |
    /// | `*.shop.example` | all names below it |
    /// | `10.0.0.7`, `[2001:db8::7]` | that address |
    /// | `*` | all hosts |
    ///
    /// By default, a server at a loopback address answers for `localhost`, names below it, and loopback
    /// addresses alone, and any other server for all hosts. A page of an attacker can give its own name the
    /// address of the visitor's machine (DNS rebinding): its requests are then of the same origin, and only
    /// the host tells them from yours. So name the hosts if a proxy on the same machine passes their names
    /// on, or if a server within your network takes requests without authentication.
    ///
    /// `/livez` and `/readyz` are answered for all hosts, because orchestrators ask for them by address. The
    /// address for [`management`](Server::management) answers for all hosts too, unless it is a loopback
    /// address.
    ///
    /// ```no_run
    /// # use nether::http::Server;
    /// # use nether::prelude::*;
    /// # async fn serve(system: System) -> nether::Result<()> {
    /// Server::new(&system).hosts(["shop.example", "*.shop.example"]).serve("127.0.0.1:8080").await
    /// # }
    /// ```
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let known = self.settings.hosts.get_or_insert_default();
        if let Err(host) = known.extend(hosts.into_iter().map(Into::into)) {
            self.settings.refuse("Server::hosts", &host, "host");
        }
        self
    }

    /// Lets pages of other origins use the API. By default none may: they can neither read an answer nor send
    /// a request that may change something.
    ///
    /// All answers to the origins that the layer allows get its headers, whatever makes them: also those of
    /// routes, files and panics. The layer answers preflights (`OPTIONS`) itself; they take no place among
    /// [`max_requests`](Server::max_requests).
    ///
    /// If the layer allows all origins with `*`, it does so for requests without credentials. A request of
    /// another origin with a cookie, or with a name and password, that may change something is still refused.
    ///
    /// ```no_run
    /// # use nether::prelude::*;
    /// use nether::http::{CorsLayer, HeaderValue, Server};
    ///
    /// # async fn serve(system: System) -> nether::Result<()> {
    /// let origin = HeaderValue::from_static("https://shop.example");
    /// Server::new(&system).cors(CorsLayer::new().allow_origin(origin)).serve("127.0.0.1:8080").await
    /// # }
    /// ```
    #[must_use]
    pub fn cors(mut self, cors: CorsLayer) -> Self {
        self.settings.cors = Some(cors);
        self
    }

    /// Lets pages of all sites send requests to these paths, with their visitors' cookies: such as the form
    /// by which an identity provider sends its users back. A path that ends in `/` stands for all that is
    /// below it. What handles the requests must find out itself that they are meant: by a token, or a
    /// signature.
    ///
    /// By default, requests of pages of other origins are refused with 403 if they may change something:
    /// those with another method than `GET`, `HEAD` and `OPTIONS`, and those that open a web socket. A
    /// browser tells by the headers `sec-fetch-site` and `origin`. Web hooks, and all other clients that are
    /// no browsers, send neither, and need no such path. If you want pages of some origins to use the whole
    /// API, see [`cors`](Server::cors).
    #[must_use]
    pub fn cross_site(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths = paths.into_iter().map(Into::into);
        if let Err(path) = self.settings.open_paths.extend(paths) {
            let expected = "path of requests, which begins with `/` and has no parameters";
            self.settings.refuse("Server::cross_site", &path, expected);
        }
        self
    }

    /// The proxies in front, as addresses (`192.0.2.1`) or networks (`10.0.0.0/8`, `2001:db8::/32`). What
    /// they say about the address of a client counts; what others say does not. By default no proxy is
    /// trusted, and the client is the peer that has opened the connection.
    ///
    /// The address is the `ConnectInfo<SocketAddr>` of routes, layers and authenticators.
    /// It is read from the header [`forwarded_header`](Server::forwarded_header), from its end: the first
    /// address there that is not one of a trusted proxy.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let proxies = proxies.into_iter().map(Into::into);
        if let Err(proxy) = self.settings.proxies.extend(proxies) {
            let expected = "address or network";
            self.settings
                .refuse("Server::trusted_proxies", &proxy, expected);
        }
        self
    }

    /// The header in which [`trusted_proxies`](Server::trusted_proxies) say from whom they have a request:
    /// `X-Forwarded-For` by default. Choose the one that your proxies write themselves: they may pass on what
    /// a client wrote into the other.
    #[must_use]
    pub fn forwarded_header(mut self, header: ForwardedHeader) -> Self {
        self.settings.proxies.header = header;
        self
    }
}
