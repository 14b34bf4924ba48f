//! [`CommandIdentity`]: what distinguishes a command that has an id from all others.

use std::sync::Arc;

use crate::context::{Context, Handle};
use crate::eventstore::archived;
use crate::eventstore::backend::{
    DocumentCondition, EventId, Metadata, MetadataEntries, RecordedEvent, StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::command_id::{CauseOfCommand, CommandId};
use crate::eventstore::lease::LeaseFence;
use crate::eventstore::origin::SagaCause;
use crate::eventstore::store::Store;
use crate::message::Message;
use crate::principal::Principal;
use crate::routing::Caller;

/// A baggage value of the context that a command is sent from, if that is not the context of a handler.
pub(super) fn baggage_of_sender<T: Send + Sync + 'static>(handle: &Handle) -> Option<Arc<T>> {
    let is_the_owners = handle.cause.sequence.is_none();
    is_the_owners.then(|| handle.scope.own_baggage::<T>())?
}

/// What has to be in the store for the events of a command to be appended.
pub(in crate::eventstore) fn fence<S: Caller>(ctx: &Context<S>) -> Vec<DocumentCondition> {
    let fence = baggage_of_sender::<LeaseFence>(ctx.handle());
    fence.iter().map(|fence| fence.0.clone()).collect()
}

/// The marks that distinguish a command that has an id from all others, and are stored of it.
#[derive(Debug)]
pub(in crate::eventstore) struct CommandIdentity {
    id: CommandId,
    command: &'static str,
    /// The hash of its content, if it is compared.
    content: Option<String>,
    cause: Option<SagaCause>,
}

impl CommandIdentity {
    /// The identity of a command that is being decided upon, if it has an id.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if its content cannot be written down.
    pub(in crate::eventstore) fn of<C: Message, S: Caller>(
        command: &C,
        ctx: &Context<S>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(id) = baggage_of_sender::<CommandId>(ctx.handle()) else {
            return Ok(None);
        };
        let content = C::CONTENT.filter(|_| id.is_compared());
        let content = content.map(|content| content(command)).transpose();
        let content = content.map_err(|reason| StoreError::Codec {
            what: format!(
                "`{}`, which has a `CommandId`, cannot be written down",
                C::NAME
            ),
            reason,
        })?;
        let cause = baggage_of_sender::<CauseOfCommand>(ctx.handle());
        Ok(Some(CommandIdentity {
            id: *id,
            command: C::NAME,
            content: content.map(|content| id.content(C::NAME, &content)),
            cause: cause.map(|cause| cause.0),
        }))
    }

    /// The id of one of the events that the command leads to.
    pub(in crate::eventstore) fn event(&self, stream: &StreamId, index: usize) -> EventId {
        self.id.event(stream, self.command, index)
    }

    /// The version of the first event that the command has led to in a stream, if it was decided upon before.
    ///
    /// # Errors
    /// Those of [`CommandIdentity::check`]; [`StoreError::Archived`] if the stream was archived since, and no
    /// answer can be made; or why the store could not be asked.
    pub(in crate::eventstore) async fn decided_before(
        &self,
        store: &Store,
        stream: &StreamId,
    ) -> Result<Option<u64>, StoreError> {
        let found = self.found_before(store, stream).await?;
        Ok(found.map(|it| it.stream_version))
    }

    /// The first event that the command has led to in a stream, if it was decided upon before.
    ///
    /// # Errors
    /// Those of [`CommandIdentity::decided_before`].
    pub(in crate::eventstore) async fn found_before(
        &self,
        store: &Store,
        stream: &StreamId,
    ) -> Result<Option<RecordedEvent>, StoreError> {
        let Some(found) = store.find(self.event(stream, 0)).await? else {
            return Ok(None);
        };
        self.check(stream, &found)?;
        archived::check(store, std::slice::from_ref(&found)).await?;
        Ok(Some(found))
    }

    /// Checks that an event in the store, which has the id of the first event of this command, is that event.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if it is in another stream: to answer the command with the present state
    /// would acknowledge what was never stored. [`StoreError::CommandIdReused`] if it is that of a command
    /// with another content.
    fn check(&self, stream: &StreamId, found: &RecordedEvent) -> Result<(), StoreError> {
        let position = found.position;
        if found.stream != *stream {
            return Err(StoreError::Duplicate {
                id: found.id,
                position,
            });
        }
        let Some(content) = &self.content else {
            return Ok(());
        };
        match found.metadata.entries.content()? {
            Some(earlier) if earlier != *content => Err(StoreError::CommandIdReused {
                command: self.command,
                stream: stream.clone(),
                position,
            }),
            // It was `local` then.
            Some(_) | None => Ok(()),
        }
    }

    /// The entries about the command that are stored with its events.
    fn entries(&self) -> MetadataEntries {
        let mut entries = MetadataEntries::default();
        if let Some(cause) = self.cause {
            entries = entries.with_cause(cause.position);
        }
        if let Some(content) = &self.content {
            entries = entries.with_content(content);
        }
        entries
    }
}

/// The metadata of the events of a command: everything about them but their content.
pub(in crate::eventstore) fn metadata<S: Caller>(
    ctx: &Context<S>,
    identity: Option<&CommandIdentity>,
) -> Metadata {
    let event = identity.and_then(|it| it.cause?.id);
    let event = event.map(|id| id.to_string());
    let causation = event.or_else(|| Some(ctx.message_id()?.to_string()));
    let mut entries = identity.map_or_else(MetadataEntries::default, CommandIdentity::entries);
    if let Some(trace) = ctx.trace_context() {
        entries = entries.with_trace_context(&trace);
    }
    Metadata {
        time: clock::now(),
        correlation: Some(ctx.handle().scope.correlation_text()),
        causation: causation.map(Into::into),
        principal: ctx.principal().and_then(Principal::shared_id),
        entries,
    }
}
