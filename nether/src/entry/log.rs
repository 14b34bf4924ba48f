//! The subscriber that prints `tracing` events (feature `log`).

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
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

#[cfg(not(feature = "log"))]
pub(super) fn install() {}
