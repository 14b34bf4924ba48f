//! [`Personal`]: a value that belongs to a person, and that can be forgotten.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// As it is written before the store encrypts it, and after the store has decrypted it.
#[derive(Serialize, Deserialize)]
enum WrittenPersonal<S, T> {
    #[serde(rename = "$personal")]
    Known { subject: S, value: T },
    #[serde(rename = "$forgotten")]
    Forgotten { subject: S },
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let subject = &*self.subject;
        match &self.value {
            Some(value) => WrittenPersonal::Known { subject, value }.serialize(serializer),
            None => WrittenPersonal::<_, T>::Forgotten { subject }.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(
            match WrittenPersonal::<String, T>::deserialize(deserializer)? {
                WrittenPersonal::Known { subject, value } => Personal::new(subject, value),
                WrittenPersonal::Forgotten { subject } => Personal::forgotten(subject),
            },
        )
    }
}
