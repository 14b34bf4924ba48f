//! Commands that are written down before they are sent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::eventstore::backend::EventId;
use crate::eventstore::origin::SagaCause;
use crate::eventstore::saga::SentBy;
use crate::message::Message;

/// A command, written down.
#[doc(hidden)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredCommand {
    pub name: Cow<'static, str>,
    pub(super) content: Box<RawValue>,
}

impl StoredCommand {
    pub(super) fn of<S, C: Message + SentBy<S>>(command: &C) -> Result<Self> {
        let content = (C::KEPT.save)(command).map_err(|error| {
            Error::msg(format!("`{}` cannot be written down: {error}", C::NAME))
        })?;
        Ok(StoredCommand {
            name: Cow::Borrowed(C::NAME),
            content,
        })
    }
}

/// A command that a saga has to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Outgoing {
    /// What its [`CommandId`](crate::eventstore::CommandId) is made of, beside the saga and its key.
    pub(super) id: EventId,
    pub(super) command: StoredCommand,
    /// The command that compensates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) compensation: Option<StoredCommand>,
    /// Whether it is itself a compensation.
    #[serde(default)]
    pub(super) compensates: bool,
    /// The event because of which it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<SagaCause>,
}

impl Outgoing {
    pub(super) fn new(command: StoredCommand, cause: Option<SagaCause>) -> Self {
        Outgoing {
            id: EventId::new(),
            command,
            compensation: None,
            compensates: false,
            cause,
        }
    }

    /// A compensation.
    pub(super) fn compensating(command: StoredCommand, cause: Option<SagaCause>) -> Self {
        Outgoing {
            compensates: true,
            ..Outgoing::new(command, cause)
        }
    }
}
