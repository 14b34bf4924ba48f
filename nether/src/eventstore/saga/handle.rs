//! [`SagaHandle`]: how far the sagas of one type are, and what they can be told.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::eventstore::backend::{Position, StoreError};
use crate::eventstore::control::{Control, Order};
use crate::eventstore::parked::ParkedEvent;
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};
use crate::eventstore::store::Store;
use crate::sync::lock;

/// A saga that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SagaStatus {
    /// Its key.
    pub key: String,
    /// Why it has failed, if it has: then it compensates what it has done.
    pub failed: Option<String>,
    /// How many commands it has to send, or waits for the answer of.
    pub waiting: usize,
    /// Compensations that failed, by the names of their commands, and why.
    pub stuck: Vec<(String, String)>,
}

impl SagaStatus {
    pub(super) fn of(key: &str, instance: &SagaInstance) -> Self {
        let stuck = instance.stuck.iter();
        SagaStatus {
            key: key.to_owned(),
            failed: match &instance.stage {
                SagaStage::Compensating(reason) => Some(reason.clone()),
                SagaStage::Running | SagaStage::Ending => None,
            },
            waiting: instance.outgoing.len(),
            stuck: stuck
                .map(|(outgoing, error)| (outgoing.command.name.to_string(), error.clone()))
                .collect(),
        }
    }
}

/// The handle to the sagas of a type that run in this process; see [`Store::saga`].
pub struct SagaHandle<S> {
    store: Store,
    control: Arc<Control>,
    saga: PhantomData<fn() -> S>,
}

impl Store {
    /// The handle to the sagas of a type in a system that this store was provided to.
    ///
    /// # Errors
    /// If they do not run.
    pub fn saga<S: Saga>(&self) -> Result<SagaHandle<S>> {
        let control = self.follower(S::NAME).ok_or_else(|| {
            Error::msg(format!(
                "the saga `{}` does not run: no system that it is part of was started with this store",
                S::DESCRIPTOR.declaration.name
            ))
        })?;
        Ok(SagaHandle {
            store: self.clone(),
            control,
            saga: PhantomData,
        })
    }
}

impl<S: Saga> SagaHandle<S> {
    /// The sagas that are under way, by key: those that are over are forgotten.
    pub fn active(&self) -> Vec<SagaStatus> {
        lock(&self.control.sagas).values().cloned().collect()
    }

    /// The position of the last event that they have handled, or that was none of theirs.
    pub fn position(&self) -> Position {
        self.control.position.borrow().unwrap_or_default()
    }

    /// Waits until they have handled everything up to a position; what they send because of it may not be
    /// handled yet.
    pub async fn wait_for(&self, position: Position) {
        self.control.wait_for(position).await;
    }

    /// Waits until the sagas have nothing to do: they have handled all events in the store, including those
    /// that their own commands led to, and have nothing to send. A saga that waits for an event or a time-out
    /// has nothing to do.
    ///
    /// # Errors
    /// If the store does not say where it is.
    pub async fn settled(&self) -> Result<(), StoreError> {
        let mut busy = self.control.busy.subscribe();
        loop {
            let head = self.store.head().await?;
            self.wait_for(head).await;
            let _ = busy.wait_for(|busy| *busy == 0).await;
            if self.store.head().await? == head && *busy.borrow() == 0 {
                return Ok(());
            }
        }
    }

    /// The events that they could not handle.
    pub fn parked(&self) -> Vec<ParkedEvent> {
        lock(&self.control.parked).clone()
    }

    /// Lets the saga of a key try again the event that it has parked, and then what waits behind it; gives
    /// how many events it has handled.
    ///
    /// # Errors
    /// If an event of them cannot be handled this time either: it is parked again.
    pub async fn retry_parked(&self, key: &str) -> Result<usize> {
        let key = key.to_owned();
        self.control
            .order(|done| Order::Retry(Some(key), done))
            .await
    }

    /// Lets the saga of a key send again those compensations that failed; gives how many there are.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub async fn retry_stuck(&self, key: &str) -> Result<usize> {
        let key = key.to_owned();
        self.control
            .order(|done| Order::RetryStuck(key, done))
            .await
    }
}

impl<S> fmt::Debug for SagaHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaHandle")
            .field("position", &*self.control.position.borrow())
            .finish_non_exhaustive()
    }
}
