//! [`CommandId`]: makes a command idempotent, and gives the events that it leads to their ids.

use std::fmt;

use crate::digest::digest;
use crate::eventstore::backend::{EventId, StreamId};
use crate::eventstore::digest::id_of;
use crate::eventstore::origin::SagaCause;
use crate::hexadecimal::hexadecimal;

/// The id of a command, which makes the command idempotent: when it is sent again with the same id, the
/// aggregate does not decide again, and replies with its present state.
///
/// The id is a [baggage](crate::Context::with) value of a context. It applies to commands that are sent
/// directly from that context, not to those that handlers send in turn, and once for each aggregate and
/// command name. A command that led to no events left no trace, so its aggregate decides again.
///
/// An id means the same command for ever. A command of another content with the same id is refused with
/// [`StoreError::CommandIdReused`](crate::eventstore::StoreError::CommandIdReused).
///
/// Ids that different parties choose need a [scope](CommandId::scoped), or one of them could use the id of
/// another:
///
/// ```
/// # use nether::prelude::*;
/// use nether::eventstore::CommandId;
///
/// # fn with_id(system: &System, client: &str, id: u128) {
/// let ctx = system.context().with(CommandId::new(id).scoped(client));
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommandId {
    digest: [u8; 32],
    /// Whether the framework has made it for one send, whose content is stored with it.
    is_made: bool,
}

impl CommandId {
    /// The id with these 128 bits, a UUID or a number.
    pub fn new(id: u128) -> Self {
        CommandId::chosen("number", &id.to_be_bytes())
    }

    /// The id with this text, such as the one that another system gave a message. It is never that of a
    /// number.
    pub fn from_text(id: &str) -> Self {
        CommandId::chosen("text", id.as_bytes())
    }

    fn chosen(kind: &str, id: &[u8]) -> Self {
        CommandId {
            digest: digest(&[b"nether.command_id", kind.as_bytes(), id]),
            is_made: false,
        }
    }

    /// The id within a scope: the client, route or job that has chosen it. An id in another scope is another
    /// id. A scope within a scope is set by two calls, the inner one first.
    #[must_use]
    pub fn scoped(self, scope: &str) -> Self {
        let scope = scope.as_bytes();
        CommandId {
            digest: digest(&[b"nether.command_id.scoped", &self.digest, scope]),
            is_made: false,
        }
    }

    /// The id of a command that a saga sends, in the scope of that saga.
    pub(super) fn of_saga(saga: &str, key: &str, send: EventId) -> Self {
        let (saga, key) = (saga.as_bytes(), key.as_bytes());
        let send = send.as_u128().to_be_bytes();
        CommandId {
            digest: digest(&[b"nether.command_id.saga", saga, key, &send]),
            is_made: true,
        }
    }

    /// Whether a command with this id is compared with the one that has had it before. A saga uses an id for
    /// one send, and the content is stored with it. Comparing it could only go wrong: a newer program may
    /// read the same text as another content, by the default of a field that was added.
    pub(super) fn is_compared(self) -> bool {
        !self.is_made
    }

    /// The id of one of the events that the command leads to: a UUID v8 (RFC 9562), a hash. A sender that
    /// chooses the ids of commands can choose none that leads to the event of another command.
    pub(super) fn event(self, stream: &StreamId, command: &str, index: usize) -> EventId {
        let stream = stream.as_str().as_bytes();
        let index = (index as u64).to_be_bytes();
        id_of(&[
            b"nether.event_id",
            &self.digest,
            stream,
            command.as_bytes(),
            &index,
        ])
    }

    /// The hash of the command's content, as text. It is made of the id too, which is not stored: so a reader
    /// of the store cannot find out by trial which content has that hash.
    pub(super) fn content(self, command: &str, content: &[u8]) -> String {
        let command = command.as_bytes();
        let hash = digest(&[b"nether.command_content", &self.digest, command, content]);
        hexadecimal(&hash)
    }
}

/// As 64 hexadecimal digits, the same for equal ids: for an external system that takes an idempotency key.
impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.digest))
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandId({self})")
    }
}

/// The event because of which a command with an id is sent: baggage beside the id.
#[derive(Debug)]
pub(super) struct CauseOfCommand(pub(super) SagaCause);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use uuid::Uuid;

    use super::CommandId;
    use crate::eventstore::backend::{EventId, StreamId};
    use crate::message::content;

    fn event(id: CommandId, stream: &str, command: &str, index: usize) -> Uuid {
        let id = id.event(&StreamId::from(stream), command, index);
        Uuid::from_u128(id.as_u128())
    }

    #[test]
    fn ids_and_hashes_are_the_same_in_every_version_of_the_library() {
        let id = CommandId::new(7);
        let first = event(id, "account/42", "account.deposit", 0);
        assert_eq!(first.get_version_num(), 8);
        assert_eq!(first.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(first.to_string(), "e9072699-315b-8a0d-920c-abe4ed98bacf");
        assert_eq!(
            id.content("account.deposit", b"n"),
            "9d28f5a9fc30978f55ed63aa2300f197f5ed6459c6c7b26fef0ebe81a76951ef"
        );
        let saga = CommandId::of_saga("fulfilment", "1", EventId::from_u128(9));
        assert_eq!(
            event(saga, "a/1", "pay", 3).to_string(),
            "61346758-1b40-82cf-8fac-20f657118c67"
        );
        let scoped = CommandId::from_text("k")
            .scoped("alice")
            .scoped("POST /orders");
        assert_eq!(
            event(scoped, "a/1", "pay", 1).to_string(),
            "f9d52177-4ca6-89be-a780-53b181b114c6"
        );
    }

    #[test]
    fn the_hash_of_a_set_is_the_same_in_every_version_of_the_library() {
        let numbers = [1_u32, 20, 300].map(|number| [number, number + 1]);
        let hash = |numbers: Vec<[u32; 2]>| {
            let set: HashSet<[u32; 2]> = numbers.into_iter().collect();
            CommandId::new(7).content("account.deposit", &content(&set).unwrap())
        };
        let backwards = numbers.iter().rev().copied().collect();
        assert_eq!(hash(numbers.to_vec()), hash(backwards));
        assert_eq!(
            hash(numbers.to_vec()),
            "d2f11bfbd06ad60296bd3c6722144dddf4eb9a9479158d8986a72417a902c5e3"
        );
    }

    #[test]
    fn each_part_of_an_id_makes_another_one_wherever_the_parts_are_divided() {
        let number = CommandId::new(u128::from_be_bytes(*b"0123456789abcdef"));
        let text = CommandId::from_text("0123456789abcdef");
        let ids = [
            number,
            text,
            CommandId::new(1),
            CommandId::from_text(""),
            text.scoped(""),
            text.scoped("").scoped(""),
            text.scoped("a").scoped("bc"),
            text.scoped("ab").scoped("c"),
            text.scoped("bc").scoped("a"),
            text.scoped("abc"),
            CommandId::of_saga("a", "bc", EventId::from_u128(1)),
            CommandId::of_saga("ab", "c", EventId::from_u128(1)),
            CommandId::of_saga("ab", "c", EventId::from_u128(2)),
        ];
        let places = [("a/1", "bc"), ("a/1b", "c"), ("a/1", "bc1"), ("a/2", "bc")];
        let events = ids.iter().flat_map(|id| {
            let at = |(stream, command)| [0, 1].map(|index| event(*id, stream, command, index));
            places.map(at).concat()
        });
        let distinct: BTreeSet<Uuid> = events.collect();
        assert_eq!(distinct.len(), ids.len() * places.len() * 2);
    }
}
