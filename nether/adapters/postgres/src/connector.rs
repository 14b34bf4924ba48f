//! [`Connector`]: opens connections, each with the settings of a session that this store needs.

use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use nether::eventstore::StoreError;
use nether::integration::hold_clock;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, Socket};
#[cfg(feature = "tls")]
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::errors::{failed, store_error};
use crate::limits::Limits;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionUse {
    /// It writes batches: it waits for its turn as long as it takes.
    Writes,
    /// It reads, or runs transactions of the program.
    Reads,
    /// It passes on that there is something new.
    Hints,
}

/// Where notices of a server go: the payloads of those that it was listened for.
pub(super) type Notices = mpsc::UnboundedSender<String>;

/// Opens connections to one database.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Config,
    /// Where the server is, for errors.
    pub(super) location: Arc<str>,
    pub(super) limits: Limits,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<MakeRustlsConnect>,
}

/// A connection that is closed when it is dropped, also if the server owes it an answer.
pub(super) struct OpenConnection {
    client: Client,
    _driver: Driver,
}

/// The task that drives a connection; without it the connection is closed.
struct Driver(Option<JoinHandle<()>>);

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(driver) = &self.0 {
            driver.abort();
        }
    }
}

impl Deref for OpenConnection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Connector {
    /// Opens a connection.
    ///
    /// # Errors
    /// Why it could not be opened, and where.
    pub(super) async fn open(
        &self,
        session: SessionUse,
        notices: Option<Notices>,
    ) -> Result<OpenConnection, StoreError> {
        let limit = self.opening_limit();
        let opened = Limits::answered(limit, self.connected(session, notices)).await;
        let opened = opened.map(|it| it.map_err(|error| store_error(&error)));
        match opened.and_then(|opened| opened) {
            Ok((client, driver)) => Ok(OpenConnection {
                client,
                _driver: Driver(Some(driver)),
            }),
            Err(error) => Err(self.unopened(error)),
        }
    }

    /// An error of opening a connection, with the place.
    pub(super) fn unopened(&self, error: StoreError) -> StoreError {
        let located = |reason| format!("cannot connect to `{}`: {reason}", self.location);
        match error {
            StoreError::Unavailable { reason } => StoreError::Unavailable {
                reason: located(reason),
            },
            StoreError::Failed { reason, source } => StoreError::Failed {
                reason: located(reason),
                source,
            },
            error => error,
        }
    }

    /// How long all of it may take that opens a connection: hosts are tried one after the other.
    fn opening_limit(&self) -> Duration {
        let hosts = self.config.get_hosts().len();
        let hosts = hosts.max(self.config.get_hostaddrs().len()).max(1);
        let of_one = self.config.get_connect_timeout().copied();
        let of_one = of_one.unwrap_or(self.limits.patience());
        of_one.saturating_mul(hosts.try_into().unwrap_or(u32::MAX))
    }

    async fn connected(
        &self,
        session: SessionUse,
        notices: Option<Notices>,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        #[cfg(feature = "tls")]
        let (client, driver) = match &self.tls {
            Some(tls) => self.open_by(tls.clone(), notices).await?,
            None => self.open_by(NoTls, notices).await?,
        };
        #[cfg(not(feature = "tls"))]
        let (client, driver) = self.open_by(NoTls, notices).await?;
        let settings = settings(session, self.limits);
        let mut driver = Driver(Some(driver));
        client.batch_execute(&settings).await?;
        let driver = driver.0.take();
        Ok((client, driver.expect("it was put there")))
    }

    async fn open_by<T>(
        &self,
        tls: T,
        notices: Option<Notices>,
    ) -> Result<(Client, JoinHandle<()>), Error>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let (client, mut connection) = self.config.connect(tls).await?;
        let driver = tokio::spawn(async move {
            // The end of the connection is reported to who uses it.
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let (AsyncMessage::Notification(notice), Some(notices)) = (message, &notices) {
                    let _ = notices.send(notice.payload().to_owned());
                }
            }
        });
        Ok((client, driver))
    }

    /// A pool of connections, which are opened as they are needed.
    pub(super) fn pool(&self, size: usize) -> Result<Pool, StoreError> {
        let opener = PoolOpener(Arc::new(self.clone()));
        let settings = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(self.config.clone(), opener, settings);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(self.limits.answer))
            .create_timeout(Some(self.opening_limit()))
            .build();
        pool.map_err(|error| failed(error.to_string()))
    }
}

struct PoolOpener(Arc<Connector>);

impl Connect for PoolOpener {
    fn connect(
        &self,
        _config: &Config,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>>
    {
        Box::pin(async {
            let _hold = hold_clock();
            self.0.connected(SessionUse::Reads, None).await
        })
    }
}

/// What each session is set to. Statements see what was committed before each of them, whatever the server's
/// default is: a snapshot that was taken before the turn to write would be out of date. A commit is on the
/// disk when it is acknowledged, which is what the functions that write see to. A time of the server for
/// statements that is shorter stays.
fn settings(session: SessionUse, limits: Limits) -> String {
    let (idle, lock) = (limits.idle().as_millis(), limits.lock().as_millis());
    let statement = limits.statement().as_millis();
    let all = format!(
        "SET default_transaction_isolation = 'read committed'; \
         SET idle_in_transaction_session_timeout = {idle}; SET lock_timeout = {lock};"
    );
    match session {
        SessionUse::Writes => format!(
            "{all} SELECT pg_catalog.set_config(name, '{statement}', false) FROM pg_catalog.pg_settings \
             WHERE name = 'statement_timeout' AND setting::bigint NOT BETWEEN 1 AND {statement};"
        ),
        SessionUse::Reads => format!("{all}{NOTICES_CLIENTS_END}"),
        // A hint that is lost costs nothing: it need not be on the disk.
        SessionUse::Hints => format!("{all} SET synchronous_commit = off;"),
    }
}

/// A statement of a client that is gone ends, and with it its transaction. Servers before 14 cannot do it,
/// nor those of some systems.
const NOTICES_CLIENTS_END: &str = " DO $$ BEGIN \
    PERFORM pg_catalog.set_config('client_connection_check_interval', '1s', false) \
        WHERE pg_catalog.current_setting('client_connection_check_interval') = '0'; \
    EXCEPTION WHEN OTHERS THEN NULL; END $$;";
