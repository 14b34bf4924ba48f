//! [`Present`]: what this program stores.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::declaration::Declaration;
use crate::eventstore::registered::{RegisteredKind, RegisteredName, RegisteredStart};
use crate::eventstore::stored::{EventRegistration, EventSchema, StoredShape};
use crate::message::MessageProof;

/// What this program stores, by name.
pub(super) struct Present {
    pub(super) events: BTreeMap<&'static str, &'static EventSchema>,
    pub(super) commands: BTreeMap<&'static str, (Declaration, StoredShape)>,
    /// By the names of the commands.
    pub(super) answers: BTreeMap<&'static str, KnownAnswer>,
    pub(super) names: Vec<&'static RegisteredName>,
    given: Vec<GivenSample>,
}

/// What a saga answers a command with.
pub(super) struct KnownAnswer {
    /// The declaration of the command.
    pub(super) declaration: Declaration,
    pub(super) reply: StoredShape,
    pub(super) error: StoredShape,
}

/// A value that a test gives.
pub(super) struct GivenSample {
    type_name: &'static str,
    is_of: fn(&StoredShape) -> bool,
    text: Result<String, String>,
}

/// What a type writes.
pub(super) struct Known {
    pub(super) texts: Vec<String>,
    /// Why not all that it writes is known.
    pub(super) missed: Vec<String>,
}

impl GivenSample {
    pub(super) fn of<T: Serialize>(value: &T) -> Self {
        GivenSample {
            type_name: std::any::type_name::<T>(),
            is_of: StoredShape::is_of::<T>,
            text: serde_json::to_string(value).map_err(|error| error.to_string()),
        }
    }
}

impl fmt::Debug for GivenSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.type_name).field(&self.text).finish()
    }
}

impl Present {
    pub(super) fn gather(given: Vec<GivenSample>) -> Self {
        let events = inventory::iter::<EventRegistration>;
        let events = events.into_iter().map(|registration| registration.0);
        // The framework's own are not stored, nor are those without a name.
        let own = events.filter(|event| event.is_named && !event.name.starts_with("nether."));
        let names: Vec<_> = inventory::iter::<RegisteredName>.into_iter().collect();
        let commands = names.iter().flat_map(|it| commands_of(it));
        let commands = commands.map(|(proof, shape)| {
            let declaration = (proof.descriptor)().declaration;
            (declaration.name, (declaration, shape))
        });
        let answers = names.iter().flat_map(|it| starts_of(it));
        let answers = answers.map(|start| {
            let declaration = (start.proof.descriptor)().declaration;
            let answer = KnownAnswer {
                declaration,
                reply: (start.reply)(),
                error: (start.error)(),
            };
            (declaration.name, answer)
        });
        Present {
            answers: answers.collect(),
            events: own.map(|event| (event.name, event)).collect(),
            commands: commands.collect(),
            names,
            given,
        }
    }

    /// What the type writes, as far as it is known.
    pub(super) fn known(&self, shape: &StoredShape) -> Known {
        let made = shape.samples();
        let (mut texts, mut missed) = (made.texts, made.missed);
        let given: Vec<_> = self.given.iter().filter(|it| (it.is_of)(shape)).collect();
        if !given.is_empty() {
            missed.clear();
        }
        for sample in given {
            match &sample.text {
                Ok(text) if texts.contains(text) => {}
                Ok(text) => texts.push(text.clone()),
                Err(error) => missed.push(format!("the sample is not written: {error}")),
            }
        }
        Known { texts, missed }
    }
}

/// The commands that start a saga.
fn starts_of(name: &RegisteredName) -> &'static [RegisteredStart] {
    match &name.what {
        RegisteredKind::Saga { lists, .. } => lists.accepts,
        RegisteredKind::Aggregate { .. } | RegisteredKind::Projection { .. } => &[],
    }
}

/// The commands that are stored for a saga: those that start it, and those that it sends.
fn commands_of(name: &RegisteredName) -> Vec<(MessageProof, StoredShape)> {
    match &name.what {
        RegisteredKind::Saga { lists, .. } => {
            let accepts = starts_of(name).iter();
            let accepts = accepts.map(|it| (it.proof, (it.shape)()));
            let sends = lists.sends.iter().map(|it| (it.proof, it.shape));
            accepts.chain(sends).collect()
        }
        RegisteredKind::Aggregate { .. } | RegisteredKind::Projection { .. } => Vec::new(),
    }
}
