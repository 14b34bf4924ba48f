//! Personal data: values that are stored encrypted, with a key for each person, and forgotten when that key
//! is destroyed (feature `erasure`). The technique is known as crypto-shredding.

mod cipher;
mod counting;
mod forget;
mod forgotten;
mod json;
mod keys;
mod message_pack;
mod payload;
mod random;
mod replace;
mod store;
mod value;

pub(in crate::eventstore) use self::payload::checked;
pub(in crate::eventstore) use self::store::PersonalStore;

pub use self::forgotten::SubjectForgotten;
pub use self::keys::{MemoryKeys, SubjectKey, SubjectKeyState, SubjectKeys};
pub use self::value::Personal;
