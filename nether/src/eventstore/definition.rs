//! [`Definition`]: what a projection or saga type is, and [`StoredDefinition`], as which that is written down
//! beside its checkpoint. It shows at a start that the type has changed, or is new.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::generations::Generations;
use crate::eventstore::store::Store;
use crate::eventstore::stored::retired_into;
use crate::eventstore::tables::Tables;

/// The collection of the definitions, by the names of projections and sagas.
pub(super) const DEFINITIONS: &str = "definition";

/// What `#[projection]` or `#[saga]` says of what follows a store.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// `version = ..` of a projection.
    pub version: u32,
    /// The names of its events.
    pub handles: &'static [&'static str],
    pub from: Option<StartFrom>,
    /// Whether its `#[init]` takes [`Tables`].
    pub names_tables: bool,
}

/// `from = ..`: which event is the first one of what has no checkpoint.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// The first one in the store.
    Beginning,
    /// The next one that is stored.
    Now,
    /// The one at that position.
    Event(u64),
}

impl StartFrom {
    /// The position behind which the first event is, in a store whose newest event is at `head`.
    pub(super) fn begins_behind(self, head: Position) -> Position {
        match self {
            StartFrom::Beginning => Position::START,
            StartFrom::Now => head,
            StartFrom::Event(position) => Position(position.saturating_sub(1)).min(head),
        }
    }
}

/// What has a checkpoint, as it was when it last ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredDefinition {
    pub(super) version: u32,
    /// The names under which what it handles may be stored: those of its events, and of the retired ones
    /// that may become one of them.
    handles: BTreeSet<String>,
    /// Every event up to here was before its time, also for a rebuild.
    #[serde(default)]
    pub(super) began_behind: Position,
    /// What this version has handled before, if that was something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<BTreeSet<String>>,
    /// A runner has begun to remove what it has stored, and has not written yet that this is done: the
    /// checkpoint does not say what is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_emptying: bool,
    /// Which tables it has, if it names them.
    #[serde(default, skip_serializing_if = "Generations::is_first")]
    pub(super) tables: Generations,
}

/// How a program differs from the one that ran before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DefinitionChange {
    version: (u32, u32),
    added: Vec<String>,
    removed: Vec<String>,
    pub(super) was_emptying: bool,
    /// The generation of the live tables, if it does not name them any more.
    unnamed: Option<u32>,
}

impl StoredDefinition {
    /// The stored form of a definition that runs for the first time, behind `began_behind`.
    pub(super) fn new(definition: &Definition, began_behind: Position) -> Self {
        let listed = definition.handles.iter().copied();
        let retired = retired_into(|name| definition.handles.contains(&name));
        StoredDefinition {
            version: definition.version,
            handles: listed.chain(retired).map(str::to_owned).collect(),
            began_behind,
            replaced: Vec::new(),
            is_emptying: false,
            tables: Generations::default(),
        }
    }

    /// A copy that is marked as emptying, for the time in which what it has stored is removed.
    pub(super) fn while_emptying(&self) -> Self {
        StoredDefinition {
            is_emptying: true,
            ..self.clone()
        }
    }

    /// Clears the mark of [`while_emptying`](StoredDefinition::while_emptying), once everything is removed.
    pub(super) fn emptied(self) -> Self {
        StoredDefinition {
            is_emptying: false,
            ..self
        }
    }

    /// The stored form of the definition that takes this one's place.
    pub(super) fn replaced_by(self, definition: &Definition) -> Self {
        let mut new = StoredDefinition::new(definition, self.began_behind);
        new.tables = self.tables;
        if !definition.names_tables {
            new.tables.go_back(self.version);
        }
        if new.version == self.version {
            new.replaced = self.replaced;
            new.replaced.push(self.handles);
            new.replaced.retain(|replaced| *replaced != new.handles);
        }
        new
    }

    /// A copy that notes that the program fills tables beside the live ones.
    pub(super) fn while_building(&self, definition: &Definition) -> Self {
        let new = StoredDefinition::new(definition, self.began_behind);
        let mut building = self.clone();
        building.tables.begin(new.version, &new.handles);
        building
    }

    /// Whether the program has begun to fill tables beside the live ones.
    pub(super) fn is_building(&self, definition: &Definition) -> bool {
        let new = StoredDefinition::new(definition, self.began_behind);
        self.tables.is_building(new.version, &new.handles)
    }

    /// The stored form of the program whose tables were filled, once they are the live ones.
    pub(super) fn switched_to(self, definition: &Definition) -> Self {
        let version = self.version;
        let mut new = self.replaced_by(definition);
        new.tables.switch(version);
        new
    }

    /// The live tables.
    pub(super) fn live_tables(&self) -> Tables {
        Tables::new(self.tables.live, self.version)
    }

    /// Reads that of a name, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if it makes no sense; or why it could not be read.
    pub(super) async fn load(store: &Store, name: &str) -> Result<Option<Self>, StoreError> {
        let content = store.document(DEFINITIONS, name).await?;
        let read = content.as_deref().map(serde_json::from_slice);
        read.transpose().map_err(|error| StoreError::Codec {
            what: format!("the document `{name}` of `{DEFINITIONS}` cannot be read"),
            reason: error.to_string(),
        })
    }

    /// The change that writes it down.
    pub(super) fn saved_as(&self, name: &str) -> DocumentChange {
        DocumentChange {
            collection: DEFINITIONS.into(),
            key: name.into(),
            content: Some(self.to_string().into_bytes()),
        }
    }

    /// How a program differs from it, if it does.
    pub(super) fn change_to(&self, definition: &Definition) -> Option<DefinitionChange> {
        let new = StoredDefinition::new(definition, self.began_behind);
        let missing = |of: &BTreeSet<String>, among: &BTreeSet<String>| {
            of.difference(among).cloned().collect()
        };
        let change = DefinitionChange {
            version: (self.version, new.version),
            added: missing(&new.handles, &self.handles),
            removed: missing(&self.handles, &new.handles),
            was_emptying: self.is_emptying,
            unnamed: self.unnamed_by(definition),
        };
        let is_same = new.version == self.version && new.handles == self.handles;
        let is_same = is_same && !self.is_emptying && change.unnamed.is_none();
        (!is_same).then_some(change)
    }

    /// Whether it has taken the place of what the program has.
    pub(super) fn is_newer_than(&self, definition: &Definition) -> bool {
        let new = StoredDefinition::new(definition, self.began_behind);
        let is_replaced =
            self.replaced.contains(&new.handles) || self.unnamed_by(definition).is_some();
        new.version < self.version || (new.version == self.version && is_replaced)
    }

    /// The generation of the live tables, if the program does not name its tables and so has others.
    fn unnamed_by(&self, definition: &Definition) -> Option<u32> {
        (!definition.names_tables && self.tables.live != 0).then_some(self.tables.live)
    }
}

/// As it is written down.
impl fmt::Display for StoredDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&written)
    }
}

impl fmt::Display for DefinitionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let (before, now) = self.version;
        if before != now {
            write!(f, "its `version` is {now}, and was {before}")?;
            separator = "; ";
        }
        let lists = [
            (&self.added, "it handles", "which it did not"),
            (&self.removed, "it does not handle", "which it did"),
        ];
        for (list, does, did) in lists {
            if !list.is_empty() {
                let names = list.join("`, `");
                write!(f, "{separator}{does} `{names}`, {did}")?;
                separator = "; ";
            }
        }
        if let Some(generation) = self.unnamed {
            write!(
                f,
                "{separator}it does not name its tables, and those with `__{generation}` in their names were live"
            )?;
            separator = "; ";
        }
        if self.was_emptying {
            write!(f, "{separator}it was being emptied")?;
        }
        Ok(())
    }
}
