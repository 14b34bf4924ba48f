//! How a command that starts a saga is accepted, which is that it is stored; and how its caller gets the
//! answer.

use std::pin::pin;
use std::sync::Arc;

use crate::context::{Context, caller_left};
use crate::envelope::{Given, Parcel};
use crate::error::Error;
use crate::eventstore::aggregate::{CommandIdentity, Unexecuted, fence, metadata};
use crate::eventstore::backend::{
    Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, RecordedEvent, StoreError,
    StreamId,
};
use crate::eventstore::control::NotRunning;
use crate::eventstore::follower::guarded_now;
use crate::eventstore::handling::within_unit;
use crate::eventstore::saga::answer::SagaAnswer;
use crate::eventstore::saga::awaiting::AcceptedCommand;
use crate::eventstore::saga::starting::StartedBy;
use crate::eventstore::saga::unanswered::Unanswerable;
use crate::eventstore::saga::{Saga, Sagas};
use crate::guarded::Guarded;
use crate::message::{ByValue, Command, Message, Writes};
use crate::module::{Attempt, Replied, ReplySink, SharedHandler, end_observed, observed};
use crate::observers::Ending;
use crate::race::race;

#[allow(private_bounds)] // The access of a message is one of two.
impl<S, M> SharedHandler<Given<M>> for Sagas<S>
where
    S: Saga,
    M: ByValue<Access: Begins<S, Given<M>>> + Send,
{
    async fn handle<R: ReplySink<Given<M>>>(
        _: &Self,
        _: &mut Given<M>,
        _: &Context<Self>,
        _: R,
    ) -> R::Settled {
        unreachable!("`attempt` is overridden, and nothing else calls this")
    }

    async fn attempt(
        module: &Self,
        parcel: &mut Given<M>,
        ctx: &Context<Self>,
    ) -> Attempt<<Given<M> as Parcel>::Message>
    where
        Given<M>: Parcel,
    {
        attempt::<S, M::Access, Given<M>>(module, parcel, ctx).await
    }
}

/// The access of a message that starts sagas: that of commands. In terms of parcels, as the methods of
/// [`SharedHandler`] are, so that the compiler sees that they are the same.
trait Begins<S: Saga, P: Parcel> {
    /// The answer, unless no caller waits for it.
    fn begin(
        module: &Sagas<S>,
        parcel: &mut P,
        ctx: &Context<Sagas<S>>,
    ) -> impl Future<Output = Result<Option<Replied<P::Message>>, Unexecuted>> + Send;
}

#[diagnostic::do_not_recommend]
impl<S, C> Begins<S, Given<C>> for Writes
where
    S: Saga
        + StartedBy<C, Itself = C, Reply = <C as Message>::Reply, Error = <C as Message>::Error>,
    C: Command,
{
    async fn begin(
        module: &Sagas<S>,
        parcel: &mut Given<C>,
        ctx: &Context<Sagas<S>>,
    ) -> Result<Option<Replied<C>>, Unexecuted> {
        module.begin(parcel.message(), ctx).await
    }
}

async fn attempt<S: Saga, Access: Begins<S, P>, P: Parcel>(
    module: &Sagas<S>,
    parcel: &mut P,
    ctx: &Context<Sagas<S>>,
) -> Attempt<P::Message> {
    let handler = pin!(Access::begin(module, parcel, ctx));
    let mut observed = observed(ctx, P::Message::descriptor);
    let result = match Guarded::new(handler, observed.as_deref()).await {
        Ok(Ok(Some(replied))) => Ok(replied),
        Ok(Ok(None)) => {
            if let Some(observed) = &mut observed {
                observed.end(Ending::Handled, None);
            }
            return Attempt::Unanswered;
        }
        Ok(Err(unexecuted)) => Err(unexecuted.into()),
        Err(fault) => Err(fault),
    };
    Attempt::Ended(end_observed::<P::Message>(observed, result))
}

/// A command as it is to be stored.
struct WrittenCommand {
    /// The id of its event.
    id: EventId,
    identity: Option<CommandIdentity>,
    append: Append,
}

impl WrittenCommand {
    /// # Errors
    /// [`StoreError::Codec`] if it cannot be written down.
    fn of<S, C>(command: &C, ctx: &Context<Sagas<S>>) -> Result<Self, StoreError>
    where
        S: Saga + StartedBy<C, Itself = C>,
        C: Command,
    {
        let identity = CommandIdentity::of(command, ctx)?;
        let stream = StreamId::new(S::NAME, S::key_of(command));
        let id = match &identity {
            Some(identity) => identity.event(&stream, 0),
            None => EventId::new(),
        };
        let content = (S::command().save)(command).map_err(|error| StoreError::Codec {
            what: format!("`{}`, which starts a saga, cannot be stored", C::NAME),
            reason: error.to_string(),
        })?;
        let event = NewEvent {
            id,
            name: C::NAME.into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: content.get().as_bytes().to_vec(),
            },
        };
        let metadata = metadata(ctx, identity.as_ref());
        let entries = metadata.entries.clone().with_start_of_saga();
        let append = Append {
            stream,
            expected: Expected::Any,
            events: vec![event],
            metadata: Metadata {
                entries,
                ..metadata
            },
            conditions: fence(ctx),
        };
        Ok(WrittenCommand {
            id,
            identity,
            append,
        })
    }
}

impl<S: Saga> Sagas<S> {
    /// Stores a command, and waits for the answer of the saga that it starts; unless no caller waits for it.
    async fn begin<C>(
        &self,
        command: C,
        ctx: &Context<Self>,
    ) -> Result<Option<Replied<C>>, Unexecuted>
    where
        S: StartedBy<C, Itself = C, Reply = <C as Message>::Reply, Error = <C as Message>::Error>,
        C: Command,
    {
        let is_awaited = ctx.handle().message.is_some_and(|it| it.is_awaited());
        let written = WrittenCommand::of(&command, ctx)?;
        drop(command);
        let stored = self.store(written).await?;
        if !is_awaited {
            return Ok(None);
        }
        let Some(answer) = self.answer(stored, ctx).await? else {
            return Ok(None);
        };
        let (read, has_failed) = match SagaAnswer::read(&answer) {
            Ok(SagaAnswer::Reply(reply)) => {
                let read = guarded_now(|| Ok(Ok((S::reply_kept().restore)(&reply)?)));
                (read.map_err(|failure| failure.text), Some(false))
            }
            Ok(SagaAnswer::Error(error)) => {
                let read = guarded_now(|| Ok(Err((S::error_kept().restore)(&error)?)));
                (read.map_err(|failure| failure.text), Some(true))
            }
            Ok(SagaAnswer::Unmade { reason, has_failed }) => (Err(reason), Some(has_failed)),
            // A newer program may have written it. It does not say here how the saga has ended.
            Err(error) => (Err(error.to_string()), None),
        };
        read.map(Some).map_err(|reason| {
            let unanswerable = Unanswerable {
                command: C::NAME,
                reason,
                has_failed,
            };
            Unexecuted::Other(unanswerable.into())
        })
    }

    /// Stores a command in the stream of its saga. A command with an id is stored once.
    async fn store(&self, written: WrittenCommand) -> Result<AcceptedCommand, StoreError> {
        let WrittenCommand {
            id,
            identity,
            append,
        } = written;
        let stream = append.stream.clone();
        let accepted_at = |position| AcceptedCommand {
            event: id,
            position,
            key: stream.key().into(),
        };
        let Some(identity) = identity else {
            let appended = self.store.append(append).await?;
            return Ok(accepted_at(appended.position));
        };
        if let Some(found) = identity.found_before(&self.store, &stream).await? {
            return Ok(accepted_at(found.position));
        }
        let appended = self.store.append(append).await?;
        if appended.is_repeated {
            // Another command with the id came at the same time. The store compares ids, and not contents.
            identity.found_before(&self.store, &stream).await?;
        }
        Ok(accepted_at(appended.position))
    }

    /// Waits for the answer to a command; `None` if the caller leaves.
    async fn answer(
        &self,
        command: AcceptedCommand,
        ctx: &Context<Self>,
    ) -> Result<Option<Arc<RecordedEvent>>, Unexecuted> {
        let mut wait = self.waits.wait(command);
        let scope = &ctx.handle().scope;
        let not_running = |reason: &str| {
            Error::from(NotRunning {
                name: S::NAME.to_owned(),
                reason: format!(
                    "{reason}: the saga goes on when it is started again, and the command, sent again with its `CommandId`, gets the \
                     answer"
                ),
            })
        };
        let answered = async {
            let answer = wait.answered().await;
            match answer {
                None if scope.mediator.stopping.has_begun() => Err(not_running("the system stops")),
                None => Err(not_running("it has stopped here, or has failed")),
                Some(Ok(answer)) => Ok(Some(answer)),
                Some(Err(blocked)) => Err(blocked.into()),
            }
        };
        let left = async {
            caller_left(ctx.handle()).await;
            Ok(None)
        };
        let stopped = async {
            scope.mediator.stopping.begun().await;
            Err(not_running("the system stops"))
        };
        let ended = within_unit(race(answered, race(left, stopped)), None, ctx);
        ended.await?.map_err(Unexecuted::Other)
    }
}
