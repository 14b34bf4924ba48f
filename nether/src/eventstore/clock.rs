//! What time it is, for what outlives the process.

/// Milliseconds since 1970 (UTC). With the feature `test` it follows tokio's clock, which tests may pause and
/// advance.
#[cfg(not(feature = "test"))]
pub(super) fn now() -> u64 {
    milliseconds(std::time::SystemTime::now())
}

/// Milliseconds since 1970 (UTC). With the feature `test` it follows tokio's clock, which tests may pause and
/// advance.
#[cfg(feature = "test")]
pub(super) fn now() -> u64 {
    use std::sync::OnceLock;
    use std::time::{Instant, SystemTime};

    // Tokio's clock begins with a std one, so the two can be compared.
    static BEGAN: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let (time, instant) = *BEGAN.get_or_init(|| (SystemTime::now(), Instant::now()));
    let now = tokio::time::Instant::now().into_std();
    milliseconds(time + now.saturating_duration_since(instant))
}

fn milliseconds(time: std::time::SystemTime) -> u64 {
    let since = time.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
