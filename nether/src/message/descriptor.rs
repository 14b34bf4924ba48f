//! [`MessageDescriptor`]: what a message attribute leaves in the program, and the slot that stands for the
//! type.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::declaration::Declaration;
use crate::message::{AccessDescriptor, MessageKind, MessageTypeId};

/// The description of a message type at run time: one `static` for each type, made by the message's
/// attribute.
///
/// No public function returns one yet; [`System::topology`](crate::System::topology) has the same content.
#[derive(Debug)]
pub struct MessageDescriptor {
    /// Name and place.
    pub declaration: Declaration,
    /// The message type ID: the hash of the name.
    pub id: MessageTypeId,
    /// Command, query or event.
    pub kind: MessageKind,
    /// The field named by `key = ..`, if any.
    pub key: Option<&'static str>,
    /// What `http = ".."` says, if anything.
    pub endpoint: Option<EndpointDescriptor>,
    /// What `requires = ..` says, if anything.
    pub access: Option<AccessDescriptor>,
    /// Whether it is one of the framework's own. Its name does not say so, since a program may choose any.
    is_of_framework: bool,
    slot: AtomicU32,
}

/// What `http = ".."` says: at which method and path a message is an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointDescriptor {
    /// The method of its requests in capitals; or `SSE`, a stream of events that is asked for with a GET.
    pub verb: &'static str,
    /// The path, its parameters in braces: `/orders/{order_id}`.
    pub path: &'static str,
}

impl EndpointDescriptor {
    /// Method and path, the same for all endpoints that the same requests would reach. A stream of events is
    /// asked for by a GET.
    pub(crate) fn place(&self) -> String {
        let method = if self.verb == "SSE" { "GET" } else { self.verb };
        format!("{method} {}", self.path_template())
    }

    /// The path with numbers for the names of parameters: the same for all messages at one place, whatever
    /// their fields are called.
    pub(crate) fn path_template(&self) -> String {
        let segments = self.path.split('/').enumerate();
        let segments = segments.map(|(number, segment)| match segment.starts_with('{') {
            true => format!("{{{number}}}"),
            false => segment.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

impl MessageDescriptor {
    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub const fn new(
        kind: MessageKind,
        declaration: Declaration,
        key: Option<&'static str>,
        endpoint: Option<EndpointDescriptor>,
    ) -> Self {
        let id = MessageTypeId::of(declaration.name);
        MessageDescriptor {
            declaration,
            id,
            kind,
            key,
            endpoint,
            access: None,
            is_of_framework: false,
            slot: AtomicU32::new(u32::MAX),
        }
    }

    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub const fn requiring(self, access: Option<AccessDescriptor>) -> Self {
        MessageDescriptor { access, ..self }
    }

    /// Marks a message of the framework. Private to this crate, so that no program can mark its own.
    pub(crate) const fn of_framework(self) -> Self {
        MessageDescriptor {
            is_of_framework: true,
            ..self
        }
    }

    /// Whether it is one of the framework's own.
    pub(crate) fn is_of_framework(&self) -> bool {
        self.is_of_framework
    }

    /// The type's place in every routing table: an index, so that routing hashes nothing. Out of every
    /// table's bounds until the registry has been read.
    #[inline]
    pub(crate) fn slot(&self) -> usize {
        self.slot.load(Ordering::Relaxed) as usize
    }

    /// Called once, by the registry.
    pub(crate) fn assign(&self, slot: usize) {
        // A program with 2^32 message types does not fit in memory; out of bounds would only mean "no route".
        self.slot.store(slot as u32, Ordering::Relaxed);
    }

    /// The message's name.
    pub(crate) fn name(&self) -> &'static str {
        self.declaration.name
    }
}

/// A message in the link-time registry.
#[doc(hidden)]
#[derive(Debug)]
pub struct MessageRegistration(pub &'static MessageDescriptor);

inventory::collect!(MessageRegistration);
