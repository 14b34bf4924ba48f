//! [`Generations`]: which tables of a projection are live, which are filled beside them, and which are left
//! to be removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The generations of the tables of a projection that names them. The number of a generation is part of the
/// names of its tables, and of the name of its checkpoint. A projection that does not name its tables has the
/// first one, 0, whose names are plain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Generations {
    /// The one that queries read.
    pub(super) live: u32,
    /// Whether that one has ever caught up with the store. Until then, no query has read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_caught_up: bool,
    /// The one that is filled beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) building: Option<BuildingTables>,
    /// The last one that was begun. None is begun twice: a runner that has begun to remove its tables may
    /// still do so when it does not run any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) begun: u32,
    /// Those to be removed, with the versions that have filled them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) left: BTreeMap<u32, u32>,
}

/// Tables that are being filled, and what fills them. What differs from it begins others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BuildingTables {
    pub(super) generation: u32,
    pub(super) version: u32,
    pub(super) handles: BTreeSet<String>,
}

impl Generations {
    /// Whether there was never another one than the first.
    pub(super) fn is_first(&self) -> bool {
        *self == Generations::default()
    }

    /// Begins to fill tables, unless that has begun already. What something else has begun is given up.
    pub(super) fn begin(&mut self, version: u32, handles: &BTreeSet<String>) {
        if self.is_building(version, handles) {
            return;
        }
        self.give_up();
        self.begun += 1;
        self.building = Some(BuildingTables {
            generation: self.begun,
            version,
            handles: handles.clone(),
        });
    }

    pub(super) fn is_building(&self, version: u32, handles: &BTreeSet<String>) -> bool {
        let mut building = self.building.iter();
        building.any(|it| it.version == version && it.handles == *handles)
    }

    /// Gives up the tables that are being filled: they are removed.
    pub(super) fn give_up(&mut self) {
        if let Some(building) = self.building.take() {
            self.left.insert(building.generation, building.version);
        }
    }

    /// Takes the tables that were filled in the place of the live ones, which `version` has filled and which
    /// are removed.
    pub(super) fn switch(&mut self, version: u32) {
        if let Some(building) = self.building.take() {
            self.left.insert(self.live, version);
            self.live = building.generation;
            self.has_caught_up = true;
        }
    }

    /// Makes the first generation live again, for a program that does not name its tables. All others are
    /// left to one that does.
    pub(super) fn go_back(&mut self, version: u32) {
        if self.live != 0 {
            self.give_up();
            self.left.insert(self.live, version);
            self.left.remove(&0);
            self.live = 0;
            self.has_caught_up = false;
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The name of the checkpoint of a generation.
pub(super) fn checkpoint_name(name: &str, generation: u32) -> Arc<str> {
    match generation {
        0 => name.into(),
        later => format!("{name}/{later}").into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Generations;

    #[test]
    fn no_generation_is_begun_twice() {
        let (mut tables, handles) = (Generations::default(), BTreeSet::new());
        let begin = |tables: &mut Generations, version| {
            tables.begin(version, &handles);
            let building = tables.building.as_ref();
            building.map(|it| it.generation)
        };
        assert_eq!(begin(&mut tables, 2), Some(1));
        assert_eq!(begin(&mut tables, 2), Some(1), "it goes on");
        tables.give_up();
        tables.left.clear(); // They are removed.
        assert_eq!(begin(&mut tables, 2), Some(2));
        tables.switch(1);
        assert_eq!(tables.live, 2);
        tables.go_back(2);
        tables.left.clear();
        assert_eq!(begin(&mut tables, 3), Some(3));
    }
}
