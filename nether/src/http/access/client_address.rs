//! [`TrustedProxies`]: whose word counts about the address of a client, and what they say.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which the proxies in front say from whom they have a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: 203.0.113.7, 10.0.0.2`, which nearly all proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=203.0.113.7, for="[2001:db8::7]:4711"` (RFC 7239).
    Forwarded,
}

/// The proxies in front.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    pub(crate) header: ForwardedHeader,
}

impl TrustedProxies {
    /// Adds addresses, and networks such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// The first one that is neither.
    pub(crate) fn extend(
        &mut self,
        proxies: impl IntoIterator<Item = String>,
    ) -> Result<(), String> {
        for proxy in proxies {
            let network = network(&proxy).ok_or(proxy)?;
            self.networks.push(network);
        }
        Ok(())
    }

    /// The address of the client: that of the nearest one in the chain of proxies that is not trusted. Only
    /// trusted ones say from whom they have the request, so no other client can make up the address.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if self.networks.is_empty() || !self.trusts(peer) {
            return peer;
        }
        let mut nearest = peer;
        for node in self.nodes(headers).into_iter().rev() {
            // One that is unknown, or hides, is known by its proxy.
            let Some(node) = node else {
                return nearest;
            };
            nearest = node;
            if !self.trusts(node) {
                return nearest;
            }
        }
        nearest
    }

    fn trusts(&self, address: SocketAddr) -> bool {
        let address = address.ip().to_canonical();
        self.networks.iter().any(|it| it.contains(&address))
    }

    /// Those who handed the request on, the client first.
    fn nodes(&self, headers: &HeaderMap) -> Vec<Option<SocketAddr>> {
        let (name, read): (_, fn(&str) -> Option<SocketAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => (X_FORWARDED_FOR, node),
            ForwardedHeader::Forwarded => (FORWARDED, forwarded_for),
        };
        let mut nodes = Vec::new();
        for line in headers.get_all(name) {
            match line.to_str() {
                Ok(line) => nodes.extend(elements(line, ',').map(read)),
                Err(_) => nodes.push(None),
            }
        }
        nodes
    }
}

/// Whose share an address has: of IPv6 the network's, because a client has as many addresses in it as it
/// likes.
pub(crate) fn network_of(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

fn network(text: &str) -> Option<IpNet> {
    let Ok(address) = text.parse::<IpAddr>() else {
        return text.parse().ok();
    };
    Some(IpNet::from(address.to_canonical()))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`. A port that is not
/// known is 0.
fn node(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let literal = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = literal.unwrap_or(text).parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(address, 0))
}

/// The client in one element of the header `forwarded`.
fn forwarded_for(element: &str) -> Option<SocketAddr> {
    let mut pairs = elements(element, ';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    node(quoted.unwrap_or(value))
}

/// What stands between separators that are not in quotation marks.
fn elements(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |char| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match char {
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return char == separator && !is_quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{ForwardedHeader, TrustedProxies};

    #[track_caller]
    fn check(header: ForwardedHeader, peer: &str, lines: &[&str], client: &str) {
        let mut proxies = TrustedProxies {
            header,
            ..TrustedProxies::default()
        };
        let networks = ["10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"].map(str::to_owned);
        proxies.extend(networks).expect("they are addresses");
        let name = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_str(line).expect("it is text");
            headers.append(HeaderName::from_static(name), line);
        }
        let peer: SocketAddr = peer.parse().expect("an address");
        let found = proxies.client(peer, &headers).to_string();
        assert_eq!(found, client, "{peer}: {lines:?}");
    }

    #[test]
    fn the_nearest_that_is_not_trusted_is_the_client() {
        for (peer, lines, client) in [
            ("10.0.0.1:9", &["203.0.113.7"][..], "203.0.113.7:0"),
            ("10.0.0.1:9", &["203.0.113.7:80"], "203.0.113.7:80"),
            ("10.0.0.1:9", &["1.1.1.1, 203.0.113.7"], "203.0.113.7:0"),
            (
                "10.0.0.1:9",
                &["1.1.1.1", "203.0.113.7,10.2.2.2 "],
                "203.0.113.7:0",
            ),
            (
                "10.0.0.1:9",
                &["1.1.1.1,203.0.113.7", "192.0.2.1"],
                "203.0.113.7:0",
            ),
            ("[::ffff:10.0.0.1]:9", &["203.0.113.7"], "203.0.113.7:0"),
            ("[2001:db8:1::1]:9", &["2001:db8:2::7"], "[2001:db8:2::7]:0"),
            (
                "[2001:db8:1::1]:9",
                &["[2001:db8:2::7]:80"],
                "[2001:db8:2::7]:80",
            ),
            // Proxies alone.
            ("10.0.0.1:9", &["10.0.0.3, 10.0.0.2"], "10.0.0.3:0"),
            ("10.0.0.1:9", &[], "10.0.0.1:9"),
            // Claims of peers that are not trusted, or that are no address.
            ("203.0.113.9:9", &["1.1.1.1"], "203.0.113.9:9"),
            ("192.0.2.2:9", &["1.1.1.1"], "192.0.2.2:9"),
            ("10.0.0.1:9", &["1.1.1.1, unknown"], "10.0.0.1:9"),
            ("10.0.0.1:9", &["1.1.1.1, , 10.0.0.2"], "10.0.0.2:0"),
            ("10.0.0.1:9", &["203.0.113.300"], "10.0.0.1:9"),
        ] {
            check(ForwardedHeader::XForwardedFor, peer, lines, client);
        }
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotation_marks() {
        for (lines, client) in [
            (&["for=203.0.113.7"][..], "203.0.113.7:0"),
            (&["For=\"203.0.113.7:80\";proto=https"], "203.0.113.7:80"),
            (
                &["by=10.0.0.1; for=\"[2001:db8:2::7]:80\""],
                "[2001:db8:2::7]:80",
            ),
            (
                &["for=1.1.1.1, for=203.0.113.7;by=\"a,b;for=2.2.2.2\\\"\", for=10.1.1.1"],
                "203.0.113.7:0",
            ),
            (&["for=1.1.1.1", "for=203.0.113.7"], "203.0.113.7:0"),
            (&["for=_hidden"], "10.0.0.1:9"),
            (&["for=unknown, for=10.1.1.1"], "10.1.1.1:0"),
            (&["proto=https"], "10.0.0.1:9"),
            // A client that opens a quotation does not hide the line of the proxy.
            (&["for=\"1.1.1.1", "for=203.0.113.7"], "203.0.113.7:0"),
            (&["for=\"1.1.1.1, for=203.0.113.7"], "10.0.0.1:9"),
        ] {
            check(ForwardedHeader::Forwarded, "10.0.0.1:9", lines, client);
        }
    }
}
