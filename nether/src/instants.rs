//! [`in_future`] and [`later`]: instants that any duration leads to, `Duration::MAX` too.

use std::time::Duration;

use tokio::time::Instant;

/// What stands for "never" where the clock cannot count so far: about 30 years, as in tokio's timers.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The instant so long from now, or one that no program lives to see.
pub(crate) fn in_future(after: Duration) -> Instant {
    later(Instant::now(), after)
}

/// The instant so long after `at`, or one that no program lives to see.
pub(crate) fn later(at: Instant, after: Duration) -> Instant {
    at.checked_add(after)
        .or_else(|| at.checked_add(NEVER))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{NEVER, in_future, later};

    #[test]
    fn any_duration_leads_to_an_instant() {
        let now = Instant::now();
        assert_eq!(
            later(now, Duration::from_secs(1)),
            now + Duration::from_secs(1)
        );
        assert_eq!(later(now, Duration::MAX), now + NEVER);
        assert!(in_future(Duration::MAX) >= now + NEVER);
        assert!(later(later(now, Duration::MAX), Duration::MAX) > now + NEVER);
    }
}
