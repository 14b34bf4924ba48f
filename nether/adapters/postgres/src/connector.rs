//! [`Connector`]: opens connections, each with the settings of a session that this store needs.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Pool, RecyclingMethod};
use nether::eventstore::StoreError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, Socket};
#[cfg(feature = "tls")]
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::errors::failed;

/// How long a transaction may wait for its program's next statement, and how long a statement for a lock: a
/// process that is suspended in a transaction must not hold up others without end.
const IDLE: Duration = Duration::from_secs(15);
const LOCK: Duration = Duration::from_secs(5);

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
    #[cfg(feature = "tls")]
    pub(super) tls: Option<MakeRustlsConnect>,
}

impl Connector {
    /// Opens a connection. The task that drives it ends with the client.
    pub(super) async fn open(
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
        client.batch_execute(&settings(session)).await?;
        Ok((client, driver))
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
        let pool = Pool::builder(manager).max_size(size).build();
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
        Box::pin(self.0.open(SessionUse::Reads, None))
    }
}

/// What each session is set to. Statements see what was committed before each of them, whatever the server's
/// default is: a snapshot that was taken before the turn to write would be out of date. A commit is on the
/// disk when it is acknowledged.
fn settings(session: SessionUse) -> String {
    let isolation = "SET default_transaction_isolation = 'read committed';";
    let synchronous = "SELECT set_config('synchronous_commit', 'on', false) \
        WHERE current_setting('synchronous_commit') = 'off';";
    let idle = format!(
        "SET idle_in_transaction_session_timeout = {};",
        IDLE.as_millis()
    );
    match session {
        SessionUse::Writes => format!("{isolation}{idle}{synchronous}"),
        SessionUse::Reads => {
            format!(
                "{isolation}{idle}SET lock_timeout = {};{synchronous}",
                LOCK.as_millis()
            )
        }
        // A hint that is lost costs nothing: it need not be on the disk.
        SessionUse::Hints => format!("{isolation}{idle}SET synchronous_commit = off;"),
    }
}
