//! [`PostgresOptions`]: how a store is reached.

use std::fmt;
use std::time::Duration;

use nether::eventstore::StoreError;
use nether::integration::hold_clock;
use tokio_postgres::Config;

use crate::PostgresStore;
use crate::address::Address;
use crate::connector::Connector;
use crate::limits::Limits;
use crate::schema::Schema;

/// The default of [`PostgresOptions::answer_within`], the least, and the most: settings of the server have no
/// room for times of more than three weeks.
const ANSWER: Duration = Duration::from_secs(15);
const SHORTEST_ANSWER: Duration = Duration::from_millis(300);
const LONGEST_ANSWER: Duration = Duration::from_hours(24);

/// How a [`PostgresStore`] is reached.
///
/// ```no_run
/// use nether_postgres::PostgresStore;
///
/// # async fn connect() -> Result<(), nether::eventstore::StoreError> {
/// let store = PostgresStore::options()
///     .schema("bank")
///     .readers(8)
///     .connect("postgres://bank@db.example.com/bank?sslrootcert=/etc/bank/ca.pem")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is opened until `connect` is called"]
pub struct PostgresOptions {
    schema: String,
    readers: usize,
    transactions: usize,
    answer: Duration,
    #[cfg(feature = "tls")]
    tls: Option<rustls::ClientConfig>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        PostgresOptions {
            schema: "nether".to_owned(),
            readers: 4,
            transactions: 8,
            answer: ANSWER,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl PostgresOptions {
    /// The schema in which the tables of the store are: `nether` by default. So one database may hold
    /// several systems, and tables of the program.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// The most connections that read at the same time: 4 by default, at least 1.
    pub fn readers(mut self, count: usize) -> Self {
        self.readers = count.max(1);
        self
    }

    /// The most transactions that projections and units of work have open at the same time: 8 by default, at
    /// least 1. The next one waits for a connection.
    pub fn transactions(mut self, count: usize) -> Self {
        self.transactions = count.max(1);
        self
    }

    /// How long the server may be silent: 15 seconds by default, at least 300 milliseconds, and at most a
    /// day. Then the store gives the connection up, opens another one, and asks once more.
    ///
    /// The other times of the store follow from it. For a third of it, a call waits for a server that cannot
    /// be reached, and a statement for a lock. After two thirds the server refuses a statement that writes.
    /// After all of it, the server ends a transaction whose program sends nothing, as one that is suspended
    /// does. No call of the store takes longer than about four times as long, plus one second for each MiB
    /// that is written at once.
    pub fn answer_within(mut self, time: Duration) -> Self {
        self.answer = time.clamp(SHORTEST_ANSWER, LONGEST_ANSWER);
        self
    }

    /// The settings of encrypted connections, in place of those that follow from the address: certificates
    /// of the client, say, or another way to verify the server.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Connects to the server, checks the tables, and makes them if they are not there. A program calls this
    /// once, when it starts.
    ///
    /// The address is that of `libpq`: `postgres://user:password@host:port/database?options`, or
    /// `host=.. user=..`. [Connecting](crate#connecting) says which options there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the server cannot be reached; [`StoreError::Newer`] if a newer version
    /// has made the tables; [`StoreError::Foreign`] if the schema has tables of another program; or why the
    /// address cannot be used, or the tables could not be made.
    ///
    /// # Panics
    /// If it is called outside of a runtime of tokio, or its time or I/O is not enabled.
    pub async fn connect(self, address: &str) -> Result<PostgresStore, StoreError> {
        let schema = Schema::new(&self.schema)?;
        #[cfg(feature = "tls")]
        let has_own_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_own_tls = false;
        let mut address = Address::parse(address, has_own_tls)?;
        let limits = Limits {
            answer: self.answer,
        };
        bound_waits(&mut address.config, limits);
        if address.config.get_application_name().is_none() {
            address.config.application_name("nether");
        }
        let location = address.location(&schema);
        #[cfg(feature = "tls")]
        let tls = match (address.is_encrypted(), self.tls) {
            (false, _) => None,
            (true, Some(config)) => Some(config),
            (true, None) => Some(crate::tls::config(&address.certificates)?),
        };
        let connector = Connector {
            config: address.config,
            location: location.clone(),
            limits,
            #[cfg(feature = "tls")]
            tls: tls.map(tokio_postgres_rustls::MakeRustlsConnect::new),
        };
        let _hold = hold_clock();
        // Its future is large: the caller's stack holds the way to it.
        let (readers, transactions) = (self.readers, self.transactions);
        Box::pin(PostgresStore::open(
            connector,
            schema,
            location,
            readers,
            transactions,
        ))
        .await
    }
}

/// A peer that is gone without a word is noticed: without these settings the system waits for a quarter of an
/// hour.
fn bound_waits(config: &mut Config, limits: Limits) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(limits.patience());
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(limits.answer);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(Duration::from_secs(10));
        config.keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(3);
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("readers", &self.readers)
            .field("transactions", &self.transactions)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}
