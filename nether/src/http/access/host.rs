//! [`HostAndPort`]: the host that a request names, in its target or in the header `host` (RFC 9112, section
//! 3.2; RFC 9113, section 8.3.1).

use std::net::{IpAddr, Ipv6Addr};

use axum::http::header::HOST;
use axum::http::{HeaderMap, Version, request};

/// A host with its port, as they are written in a URI (RFC 3986, section 3.2), without user information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostAndPort<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets. Never empty.
    host: &'a str,
    port: Option<u16>,
}

impl<'a> HostAndPort<'a> {
    /// Reads `host` or `host:port`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let find = |sought| text.bytes().position(|byte| byte == sought);
        let end = match text.as_bytes().first()? {
            b'[' => find(b']')? + 1,
            _ => find(b':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at_checked(end)?;
        let port = match rest.as_bytes() {
            [] | [b':'] => None,
            [b':', digits @ ..] => Some(port(digits)?),
            _ => return None,
        };
        is_host(host).then_some(HostAndPort { host, port })
    }

    /// The host of a request; `None` for a request of HTTP/1.0 that names none.
    ///
    /// # Errors
    /// If the request names no host, more than one, or something that is not a host.
    pub(crate) fn of(parts: &'a request::Parts) -> Result<Option<Self>, &'static str> {
        let stated = stated(&parts.headers)?;
        let target = parts.uri.authority();
        let target = target
            .map(|target| {
                HostAndPort::parse(target.as_str())
                    .ok_or("the target of the request has no valid host")
            })
            .transpose()?;
        match (target, stated) {
            (None, None) if parts.version <= Version::HTTP_10 => Ok(None),
            (None, None) => Err("the request has no header `host`"),
            (None, stated) => Ok(stated),
            (Some(target), Some(stated)) if parts.version >= Version::HTTP_2 => {
                let is_same = target.is(&stated, default_port(parts.uri.scheme_str()));
                is_same
                    .then_some(Some(target))
                    .ok_or("`:authority` and the header `host` differ")
            }
            (Some(_), None) if parts.version == Version::HTTP_11 => {
                Err("the request has no header `host`")
            }
            // The header gives way to the target (RFC 9112, section 3.2.2).
            (target, _) => Ok(target),
        }
    }

    /// Whether both are the same if a port that is not written is `default`.
    fn is(&self, other: &HostAndPort<'_>, default: Option<u16>) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.or(default) == other.port.or(default)
    }

    /// Whether a request for this host, of a page of that origin, is for the origin itself. A server does not
    /// know the scheme that its proxy speaks, so a port that is not written is that of the origin's scheme.
    pub(crate) fn is_of_origin(&self, origin: &str) -> bool {
        let Some((scheme, rest)) = origin.split_once("://") else {
            return false;
        };
        let default = default_port(Some(scheme));
        let origin = HostAndPort::parse(rest).filter(|_| default.is_some());
        origin.is_some_and(|origin| origin.is(self, default))
    }

    /// The name, without the dot at its end that stands for the root.
    pub(crate) fn name(&self) -> &'a str {
        self.host.strip_suffix('.').unwrap_or(self.host)
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// The address, if the host is one and no name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let address = match self.host.strip_prefix('[') {
            Some(literal) => IpAddr::V6(literal.strip_suffix(']')?.parse().ok()?),
            None if self.host.starts_with(|first: char| first.is_ascii_digit()) => {
                IpAddr::V4(self.host.parse().ok()?)
            }
            None => return None,
        };
        Some(address.to_canonical())
    }

    /// Whether it always means the machine itself, so that no name server can say otherwise (RFC 6761,
    /// section 6.3).
    pub(crate) fn is_loopback(&self) -> bool {
        if let Some(address) = self.address() {
            return address.is_loopback();
        }
        let last = self.name().rsplit('.').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
    }
}

impl std::fmt::Display for HostAndPort<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What the header says, of which there may be one.
fn stated(headers: &HeaderMap) -> Result<Option<HostAndPort<'_>>, &'static str> {
    let mut lines = headers.get_all(HOST).iter();
    let Some(stated) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err("the request has more than one header `host`");
    }
    let stated = stated.to_str().ok().and_then(HostAndPort::parse);
    stated.map(Some).ok_or("the header `host` is not a host")
}

fn default_port(scheme: Option<&str>) -> Option<u16> {
    match scheme? {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// `IP-literal / IPv4address / reg-name` (RFC 3986, section 3.2.2), of which no host is empty (RFC 9110,
/// section 4.2). Addresses of later versions than 6 do not exist.
fn is_host(host: &str) -> bool {
    if let Some(literal) = host.strip_prefix('[') {
        let literal = literal.strip_suffix(']');
        return literal.is_some_and(|literal| literal.parse::<Ipv6Addr>().is_ok());
    }
    let mut bytes = host.bytes();
    while let Some(byte) = bytes.next() {
        let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_escape = byte == b'%' && is_digit(bytes.next()) && is_digit(bytes.next());
        if !is_escape && !OF_NAMES[usize::from(byte)] {
            return false;
        }
    }
    !host.is_empty()
}

/// Whether a byte is one of `unreserved / sub-delims`: looked up, since each request has a host.
const OF_NAMES: [bool; 256] = {
    let mut of_names = [false; 256];
    let marks = b"-._~!$&'()*+,;=";
    let mut at = 0;
    while at < marks.len() {
        of_names[marks[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0;
    while byte < of_names.len() {
        of_names[byte] |= (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    of_names
};

fn port(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |port, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        port.checked_mul(10)?
            .checked_add(u16::try_from(digit).ok()?)
    })
}
