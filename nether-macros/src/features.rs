//! The Cargo features that change what the macros understand. A feature that is off is refused in words of
//! ours, not left out.

/// Whether the program has a web server.
pub(crate) const HTTP: bool = cfg!(feature = "http");

/// What to do where [`HTTP`] is off.
pub(crate) const ENABLE_HTTP: &str =
    "enable it: `nether = { version = \"..\", features = [\"http\"] }`";

/// Whether there is `#[nether::test]`.
pub(crate) const TEST: bool = cfg!(feature = "test");

/// What to do where [`TEST`] is off.
pub(crate) const ENABLE_TEST: &str =
    "enable it in `[dev-dependencies]`: `nether = { version = \"..\", features = [\"test\"] }`";

/// Whether `validate` on a message may stand for the rules that it derives.
pub(crate) const GARDE: bool = cfg!(feature = "garde");

/// What to do where [`GARDE`] is off.
pub(crate) const ENABLE_GARDE: &str = "enable it: `nether = { version = \"..\", features = [\"garde\"] }`; or name a function: `validate = Self::check`";

/// Whether the program keeps events.
pub(crate) const EVENTSTORE: bool = cfg!(feature = "eventstore");

/// What to do where [`EVENTSTORE`] is off.
pub(crate) const ENABLE_EVENTSTORE: &str =
    "enable it: `nether = { version = \"..\", features = [\"eventstore\"] }`";
