//! [`StoredShape`]: how a test finds out what a type looks like that is written down. Without the feature
//! `test` it is nothing, so that programs do not have the code.

#[cfg(feature = "test")]
pub(in crate::eventstore) use self::known::read_again;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a type looks like that is written down.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct StoredShape {
    #[cfg(feature = "test")]
    known: known::Known,
}

impl StoredShape {
    /// That of a type of one version.
    pub(in crate::eventstore) const fn of<T: Serialize + DeserializeOwned>() -> Self {
        StoredShape {
            #[cfg(feature = "test")]
            known: known::Known::of::<T>(|_, text| Some(read_again::<T>(text))),
        }
    }
}

#[cfg(feature = "test")]
mod known {
    use std::any::type_name;
    use std::fmt;
    use std::panic::catch_unwind;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::StoredShape;
    use crate::eventstore::probe::{Samples, samples};
    use crate::guarded::said;

    /// Reads what a version has written, and writes it: none if there is no such version.
    pub(in crate::eventstore) type ReadAgain = fn(u32, &str) -> Option<Result<String, String>>;

    #[derive(Clone, Copy)]
    pub(super) struct Known {
        type_name: fn() -> &'static str,
        samples: fn() -> Samples,
        read_again: ReadAgain,
    }

    impl Known {
        pub(super) const fn of<T: Serialize + DeserializeOwned>(read_again: ReadAgain) -> Self {
            Known {
                type_name: type_name::<T>,
                samples: samples::<T>,
                read_again,
            }
        }
    }

    impl fmt::Debug for Known {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str((self.type_name)())
        }
    }

    impl StoredShape {
        /// That of a type which reads what its older versions have written.
        pub(in crate::eventstore) const fn versioned<T>(read_again: ReadAgain) -> Self
        where
            T: Serialize + DeserializeOwned,
        {
            let known = Known::of::<T>(read_again);
            StoredShape { known }
        }

        pub(in crate::eventstore) fn is_of<T>(&self) -> bool {
            (self.known.type_name)() == type_name::<T>()
        }

        /// Values of the type, as they are written.
        pub(in crate::eventstore) fn samples(&self) -> Samples {
            catch_unwind(self.known.samples).unwrap_or_else(|panic| Samples {
                texts: Vec::new(),
                missed: vec![format!("reading it panicked: {}", said(&*panic))],
            })
        }

        /// Reads what that version has written, and writes it again. A panic is the user's: a step from an
        /// older version need not bear every number.
        pub(in crate::eventstore) fn read_again(
            &self,
            version: u32,
            text: &str,
        ) -> Option<Result<String, String>> {
            let read = self.known.read_again;
            catch_unwind(|| read(version, text)).ok().flatten()
        }
    }

    pub(in crate::eventstore) fn read_again<T: Serialize + DeserializeOwned>(
        text: &str,
    ) -> Result<String, String> {
        let value: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
        serde_json::to_string(&value).map_err(|error| error.to_string())
    }
}
