//! [`Address`]: the connection string, with the options of TLS that the client library does not know.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use nether::eventstore::StoreError;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::errors::failed;
use crate::schema::Schema;

/// Where the server is, and as whom one connects.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) certificates: Certificates,
}

/// Files of certificates, as the options of `libpq` name them.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// Those who may have signed the server's (`sslrootcert`). Without it, those that the system trusts.
    pub(super) roots: Option<PathBuf>,
    /// The client's own (`sslcert`), and its key (`sslkey`).
    pub(super) own: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl Address {
    pub(super) fn parse(text: &str, has_own_tls: bool) -> Result<Self, StoreError> {
        let mut certificates = Certificates::default();
        let mut mode = None;
        let url = text.strip_prefix("postgres://");
        let url = url.or_else(|| text.strip_prefix("postgresql://"));
        let is_url = url.is_some();
        if let Some(url) = url {
            check_encoded(url)?;
        }
        let known = match text.split_once('?') {
            Some((place, options)) if is_url => {
                let mut kept = Vec::new();
                for option in options.split('&') {
                    let (name, value) = option.split_once('=').unwrap_or((option, ""));
                    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
                    match name {
                        "sslmode" => mode = Some(value),
                        "sslrootcert" => certificates.roots = Some(value.into()),
                        "sslcert" => certificates.own = Some(value.into()),
                        "sslkey" => certificates.key = Some(value.into()),
                        _ => kept.push(option),
                    }
                }
                format!("{place}?{}", kept.join("&"))
            }
            _ => {
                let words = text.split_whitespace();
                let mut words = words.filter_map(|word| word.strip_prefix("sslmode="));
                mode = words.next().filter(|_| !is_url).map(str::to_owned);
                match &mode {
                    // Quoted values may hold spaces, so nothing else is changed.
                    Some(mode) => text.replacen(&format!("sslmode={mode}"), "", 1),
                    None => text.to_owned(),
                }
            }
        };
        let known = known.trim_end_matches('?');
        let mut config: Config = known.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            // It names no value; but what is taken for an option may be a part of a password.
            let user = url.and_then(|url| url.split_once('@'));
            let has_password =
                text.contains("password") || user.is_some_and(|(user, _)| user.contains(':'));
            let cause = match has_password && cause.starts_with("unknown option") {
                true => "it has an option that is not known".to_owned(),
                false => cause,
            };
            failed(format!(
                "the address of the database is not valid: {cause}. It is `postgres://user:password@host:port/database`, or `host=.. user=.. dbname=..`"
            ))
        })?;
        if config.get_user().is_none()
            && let Ok(user) = std::env::var("PGUSER").or_else(|_| std::env::var("USER"))
        {
            config.user(user);
        }
        config.ssl_mode(ssl_mode(mode.as_deref(), &config)?);
        let servers = config.get_hosts().len().max(config.get_hostaddrs().len());
        if servers > 1 && !text.contains("target_session_attrs") {
            // One of them may be a standby, which lags behind: what is read there may not be true any more.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let address = Address {
            config,
            certificates,
        };
        if address.is_encrypted() && !cfg!(feature = "tls") {
            return Err(failed(
                "the connection is to be encrypted, and `nether-postgres` was built without its feature `tls`: switch it on, or set `sslmode=disable` if the network can be trusted".to_owned(),
            ));
        }
        let has_files = address.certificates.roots.is_some() || address.certificates.own.is_some();
        if has_own_tls && has_files {
            return Err(failed(
                "certificates are named both by the address of the database and by `PostgresOptions::tls`: name them in one place".to_owned(),
            ));
        }
        Ok(address)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }

    /// Where the store is, for people: without a password.
    pub(super) fn location(&self, schema: &Schema) -> Arc<str> {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<_> = hosts.collect();
        let hosts = match hosts.is_empty() {
            true => "localhost".to_owned(),
            false => hosts.join(","),
        };
        let database = self.config.get_dbname().or(self.config.get_user());
        format!("{hosts}/{}/{}", database.unwrap_or("?"), schema.name()).into()
    }
}

/// Checks that the user and the password of a URL end where they were meant to: a part of a password must not
/// be taken for the name of a host or of a database, which errors and logs say.
fn check_encoded(url: &str) -> Result<(), StoreError> {
    let place = url.split_once('?').map_or(url, |(place, _)| place);
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let has_end_behind = url.matches('@').count() > authority.matches('@').count();
    let is_cut = has_end_behind && !port.chars().all(|it| it.is_ascii_digit());
    if authority.matches('@').count() < 2 && !database.contains('@') && !is_cut {
        return Ok(());
    }
    Err(failed(
        "the address of the database is not valid: its user or password has a character that means something else there. Write `@` as `%40`, `:` as `%3A`, `/` as `%2F`, `?` as `%3F`, `#` as `%23`, and `%` as `%25`".to_owned(),
    ))
}

/// Whether connections are encrypted. Those that leave the machine are, unless the address says otherwise:
/// a password must not be sent in the clear by default.
fn ssl_mode(named: Option<&str>, config: &Config) -> Result<SslMode, StoreError> {
    match named {
        Some("disable") => Ok(SslMode::Disable),
        Some("require" | "verify-ca" | "verify-full") => Ok(SslMode::Require),
        Some(other) => {
            // A text that is not the name of a mode may be a part of a password.
            let named = match other {
                "allow" | "prefer" => format!("`sslmode={other}`"),
                _ => "this `sslmode`".to_owned(),
            };
            Err(failed(format!(
                "{named} is not possible in the address of the database: it is `disable`, or `verify-full` (`require` and `verify-ca` are the same here: the certificate of the server and its name are always verified)"
            )))
        }
        None if is_local(config) => Ok(SslMode::Disable),
        None => Ok(SslMode::Require),
    }
}

/// Whether all that it connects to is on this machine.
fn is_local(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|it| it.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}
