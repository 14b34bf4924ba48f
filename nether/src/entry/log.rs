//! The subscriber that prints `tracing` events (feature `log`).

#[cfg(feature = "log")]
use tracing_subscriber::field::RecordFields;
#[cfg(feature = "log")]
use tracing_subscriber::fmt::format::{FormatFields, Writer};

#[cfg(feature = "log")]
use crate::escaped::Escaping;

/// Prints what `RUST_LOG` asks for, warnings and errors unless it says otherwise; on standard error. Does
/// nothing if the program has set a subscriber; a `main` that starts the system itself can do so before it
/// does.
#[cfg(feature = "log")]
pub(super) fn install() {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::filter::LevelFilter;
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    let _ = tracing_subscriber::fmt()
        .fmt_fields(EscapedFields::default())
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

/// Writes messages and fields with their control characters escaped, so that an entry is one line of the log,
/// and the terminal that shows it obeys nothing in it.
#[cfg(feature = "log")]
#[derive(Default)]
struct EscapedFields(tracing_subscriber::fmt::format::DefaultFields);

#[cfg(feature = "log")]
impl<'writer> FormatFields<'writer> for EscapedFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> std::fmt::Result {
        let mut escaping = Escaping(&mut writer);
        self.0.format_fields(Writer::new(&mut escaping), fields)
    }
}

#[cfg(not(feature = "log"))]
pub(super) fn install() {}
