//! [`StoredShape`]: how a test finds out what a type looks like that is written down. Without the feature
//! `test` it is nothing, so that programs do not have the code.

#[cfg(feature = "test")]
pub(in crate::eventstore) use self::known::written_again;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "http")]
use crate::eventstore::backend::RecordedEvent;

/// What a type looks like that is written down.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct StoredShape {
    #[cfg(feature = "test")]
    known: known::Known,
    /// How an event is shown.
    #[cfg(feature = "http")]
    json: Option<ShowEvent>,
}

/// Reads an event, and writes it as JSON.
#[cfg(feature = "http")]
pub(in crate::eventstore) type ShowEvent = fn(&RecordedEvent) -> Result<String, String>;

#[cfg(feature = "http")]
impl StoredShape {
    /// The shape of an event that can be shown.
    pub(in crate::eventstore) const fn shown_by(mut self, json: ShowEvent) -> Self {
        self.json = Some(json);
        self
    }

    /// What shows an event.
    pub(in crate::eventstore) fn json(&self) -> Option<ShowEvent> {
        self.json
    }
}

impl StoredShape {
    /// The shape of a type that has one version.
    #[cfg_attr(not(feature = "test"), allow(clippy::extra_unused_type_parameters))]
    pub(in crate::eventstore) const fn of<T: Serialize + DeserializeOwned>() -> Self {
        StoredShape {
            #[cfg(feature = "test")]
            known: known::Known::of::<T>(|_, payload| Some(known::read_text::<T>(payload))),
            #[cfg(feature = "http")]
            json: None,
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
    use crate::eventstore::backend::{Encoding, Payload};
    use crate::eventstore::probe::{Samples, samples};
    use crate::guarded::panic_text;

    /// Reads what a version has written, and writes it as JSON: none if there is no such version.
    pub(in crate::eventstore) type ReadAgain = fn(u32, &Payload) -> Option<Result<String, String>>;

    #[derive(Clone, Copy)]
    pub(super) struct Known {
        type_name: fn() -> &'static str,
        samples: fn() -> Samples,
        read_again: ReadAgain,
        pack: fn(&str) -> Result<Vec<u8>, String>,
    }

    impl Known {
        pub(super) const fn of<T: Serialize + DeserializeOwned>(read_again: ReadAgain) -> Self {
            Known {
                type_name: type_name::<T>,
                samples: samples::<T>,
                read_again,
                pack: pack::<T>,
            }
        }
    }

    impl fmt::Debug for Known {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str((self.type_name)())
        }
    }

    impl StoredShape {
        /// The shape of a type that reads what its older versions have written.
        pub(in crate::eventstore) const fn versioned<T>(read_again: ReadAgain) -> Self
        where
            T: Serialize + DeserializeOwned,
        {
            StoredShape {
                known: Known::of::<T>(read_again),
                #[cfg(feature = "http")]
                json: None,
            }
        }

        pub(in crate::eventstore) fn is_of<T>(&self) -> bool {
            (self.known.type_name)() == type_name::<T>()
        }

        /// Values of the type, as they are written.
        pub(in crate::eventstore) fn samples(&self) -> Samples {
            catch_unwind(self.known.samples).unwrap_or_else(|panic| Samples {
                texts: Vec::new(),
                missed: vec![format!("reading it panicked: {}", panic_text(&*panic))],
            })
        }

        /// Reads what that version has written, and writes it again. A panic is the user's: a step from an
        /// older version need not bear every number.
        pub(in crate::eventstore) fn read_again(
            &self,
            version: u32,
            payload: &Payload,
        ) -> Option<Result<String, String>> {
            let read = self.known.read_again;
            catch_unwind(|| read(version, payload)).ok().flatten()
        }

        /// The value that is written as JSON, in MessagePack; `None` if it cannot be.
        pub(in crate::eventstore) fn pack(&self, text: &str) -> Option<Vec<u8>> {
            let pack = self.known.pack;
            catch_unwind(|| pack(text)).ok()?.ok()
        }
    }

    pub(super) fn read_text<T: Serialize + DeserializeOwned>(
        payload: &Payload,
    ) -> Result<String, String> {
        if payload.encoding != Encoding::Json {
            return Err("it is not in JSON".to_owned());
        }
        let read = serde_json::from_slice::<T>(&payload.bytes);
        written_again(read.map_err(|error| error.to_string()))
    }

    pub(in crate::eventstore) fn written_again<T: Serialize>(
        read: Result<T, String>,
    ) -> Result<String, String> {
        read.and_then(|value| serde_json::to_string(&value).map_err(|error| error.to_string()))
    }

    fn pack<T: Serialize + DeserializeOwned>(text: &str) -> Result<Vec<u8>, String> {
        let value: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
        rmp_serde::to_vec_named(&value).map_err(|error| error.to_string())
    }
}
