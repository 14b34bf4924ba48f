//! [`MessageTypeId`]: a message type's number, known while compiling.

use std::fmt;

/// The ID of a message type: a 64-bit hash (FNV-1a) of its stable name, known while compiling.
///
/// It is the same in every build and every process as long as the name is, so it may be stored and sent.
/// Two names with one ID are refused when a system starts.
///
/// ```
/// use nether::prelude::*;
///
/// #[event(name = "orders.processed.v1")]
/// pub struct OrderProcessed;
///
/// const ID: MessageTypeId = OrderProcessed::ID;
/// assert_eq!(ID, MessageTypeId::of("orders.processed.v1"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageTypeId(u64);

impl MessageTypeId {
    /// The ID of the message type with this name.
    pub const fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut index = 0;
        while index < bytes.len() {
            hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            index += 1;
        }
        MessageTypeId(hash)
    }

    /// The number itself.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MessageTypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for MessageTypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageTypeId({self})")
    }
}
