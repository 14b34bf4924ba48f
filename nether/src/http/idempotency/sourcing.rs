//! What the web server does with event sourcing: aggregates and sagas distinguish commands by the keys of
//! requests, and their store keeps those keys.

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;
use crate::eventstore::{CommandId, Store, knows_command_ids, stored_keys};
use crate::hexadecimal::hexadecimal;
use crate::http::idempotency::key::{IdempotencyKey, KeyUser};
use crate::idempotency::{KeyLimits, KeyStore};
use crate::message::MessageDescriptor;
use crate::system::System;

/// The keys in the event store of a program, if it provides one.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn keys(system: &System, limits: KeyLimits) -> Result<Option<Arc<dyn KeyStore>>> {
    let Some(store) = system.resource::<Store>() else {
        return Ok(None);
    };
    stored_keys(&store, limits).await.map(Some)
}

/// Makes the key the id of the command that is sent from the context, for the aggregate that handles it.
pub(crate) fn set_command_id(ctx: &Context, key: &IdempotencyKey, user: &KeyUser) {
    let id = CommandId::from_text(&key.key);
    let id = id.scoped(&hexadecimal(&user.scope)).scoped(&key.route);
    ctx.handle().scope.add_baggage(id);
}

/// Whether a module handles the message that knows commands by their ids: a command that is sent again with
/// its id stores nothing twice, and gets its reply.
pub(crate) fn is_handled_once(message: &MessageDescriptor, ctx: &Context) -> bool {
    let handler = ctx.handle().scope.read(message.slot(), |row| {
        let handler = row.and_then(|row| row.handlers.first());
        handler.map(|handler| handler.module)
    });
    handler.is_some_and(knows_command_ids)
}
