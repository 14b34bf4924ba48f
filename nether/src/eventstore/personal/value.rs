//! [`Personal`]: a value that belongs to a person, and that can be forgotten.

use std::any::type_name;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::eventstore::personal::counting::note_written;

/// A value about a person, the *subject*, in an event, a snapshot or the state of a saga: stored encrypted
/// with the subject's key, and forgotten once [`Store::forget`](crate::eventstore::Store::forget) has
/// destroyed that key. Then it is read as forgotten, wherever it was stored, also in every backup.
///
/// ```
/// use nether::eventstore::Personal;
/// use nether::prelude::*;
///
/// #[event(name = "customer.registered")]
/// pub struct Registered {
///     pub customer_id: String,
///     pub name: Personal<String>,
///     pub born: Personal<u16>,
/// }
///
/// let ann = || "c-42".to_owned();
/// let registered = Registered {
///     customer_id: ann(),
///     name: Personal::new(ann(), "Ann".to_owned()),
///     born: Personal::new(ann(), 1990),
/// };
/// assert_eq!(registered.name.known().map(String::as_str), Some("Ann"));
/// assert_eq!(Personal::<String>::forgotten(ann()).known(), None);
/// ```
///
/// The subject is an id of the person, such as a customer's number. It is not encrypted, and stays where it
/// is: so it must not itself be personal, as an e-mail address is.
///
/// The store encrypts; serde does not. A `Personal` that is written elsewhere, as JSON of an endpoint or in a
/// table of a projection, is plain text. Its `Debug` shows the subject alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Personal<T> {
    subject: String,
    value: Option<T>,
}

impl<T> Personal<T> {
    /// A value about that subject.
    pub fn new(subject: impl Into<String>, value: T) -> Self {
        Personal {
            subject: subject.into(),
            value: Some(value),
        }
    }

    /// A value about that subject that is forgotten: for tests of what is made of it.
    pub fn forgotten(subject: impl Into<String>) -> Self {
        Personal {
            subject: subject.into(),
            value: None,
        }
    }

    /// Whom the value is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The value; `None` if it is forgotten.
    pub fn known(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value; `None` if it is forgotten.
    pub fn into_known(self) -> Option<T> {
        self.value
    }

    /// Whether the value is forgotten.
    pub fn is_forgotten(&self) -> bool {
        self.value.is_none()
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.value {
            Some(_) => "known",
            None => "forgotten",
        };
        write!(f, "Personal({:?}, {what})", self.subject)
    }
}

/// As it is written, also by the store once it has encrypted the value: then there is no `value`.
#[derive(Serialize, Deserialize)]
struct WrittenPersonal<C> {
    #[serde(rename = "$personal")]
    content: C,
}

#[derive(Serialize)]
struct KnownContent<'a, T> {
    subject: &'a str,
    value: &'a T,
}

#[derive(Serialize)]
struct ForgottenContent<'a> {
    subject: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Deserialize<'de>")]
struct ReadContent<T> {
    subject: String,
    /// Not an `Option` of serde's, for which a value that is `null` would be none.
    #[serde(default = "none", deserialize_with = "some")]
    value: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

/// A value. Its error does not show it: errors are logged, and kept of events that are parked.
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = T::deserialize(deserializer);
    value.map(Some).map_err(|_| {
        D::Error::custom(format_args!(
            "a personal value is not a `{}`",
            type_name::<T>()
        ))
    })
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        note_written();
        let subject = &*self.subject;
        match &self.value {
            Some(value) => {
                let content = KnownContent { subject, value };
                WrittenPersonal { content }.serialize(serializer)
            }
            None => {
                let content = ForgottenContent { subject };
                WrittenPersonal { content }.serialize(serializer)
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenPersonal { content } = WrittenPersonal::deserialize(deserializer)?;
        let ReadContent { subject, value } = content;
        Ok(Personal { subject, value })
    }
}
