//! [`HostList`]: the hosts that a server answers for, against pages whose name leads here by DNS rebinding.

use std::net::IpAddr;

use crate::http::access::host::HostAndPort;

/// The hosts that a server answers for.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostList(Vec<HostPattern>);

/// Some hosts.
#[derive(Debug, Clone)]
struct HostPattern {
    which: NamePattern,
    /// `None` for any.
    port: Option<u16>,
}

#[derive(Debug, Clone)]
enum NamePattern {
    Any,
    Name(String),
    /// All names that end so: `.example.org`.
    Below(String),
    Address(IpAddr),
}

impl HostList {
    /// Adds hosts.
    ///
    /// # Errors
    /// The first one that is not a host.
    pub(crate) fn extend(&mut self, hosts: impl IntoIterator<Item = String>) -> Result<(), String> {
        for host in hosts {
            let pattern = HostPattern::parse(&host).ok_or(host)?;
            self.0.push(pattern);
        }
        Ok(())
    }

    pub(crate) fn contains(&self, host: &HostAndPort<'_>) -> bool {
        self.0.iter().any(|pattern| pattern.matches(host))
    }
}

impl HostPattern {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            let which = NamePattern::Any;
            return Some(HostPattern { which, port: None });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            let which = NamePattern::Address(address.to_canonical());
            return Some(HostPattern { which, port: None });
        }
        let below = text.strip_prefix("*.");
        let host = HostAndPort::parse(below.unwrap_or(text))?;
        let name = host.name().to_ascii_lowercase();
        let which = match (below, host.address()) {
            (Some(_), None) if !name.is_empty() => NamePattern::Below(format!(".{name}")),
            (Some(_), _) => return None,
            (None, Some(address)) => NamePattern::Address(address),
            (None, None) if name.contains('*') => return None,
            (None, None) => NamePattern::Name(name),
        };
        let port = host.port();
        Some(HostPattern { which, port })
    }

    fn matches(&self, host: &HostAndPort<'_>) -> bool {
        if self.port.is_some() && self.port != host.port() {
            return false;
        }
        match &self.which {
            NamePattern::Any => true,
            NamePattern::Name(name) => name.eq_ignore_ascii_case(host.name()),
            NamePattern::Below(end) => {
                let name = host.name().as_bytes();
                let start = name.len().checked_sub(end.len());
                start.is_some_and(|start| {
                    start > 0 && name[start..].eq_ignore_ascii_case(end.as_bytes())
                })
            }
            NamePattern::Address(address) => host.address() == Some(*address),
        }
    }
}
