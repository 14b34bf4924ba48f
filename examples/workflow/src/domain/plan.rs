//! [`Plan`]: steps and what each needs; refused if that cannot be done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Steps by name, and the names of those that each of them needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan(BTreeMap<String, BTreeSet<String>>);

/// Why a plan cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Steps need each other.
    #[error("the steps need each other: {}", .0.join(" -> "))]
    Circle(Vec<String>),
    /// A step needs one that there is not.
    #[error("`{step}` needs `{needs}`, which is not a step")]
    Unknown {
        /// The step.
        step: String,
        /// What it needs.
        needs: String,
    },
    /// There is nothing to do.
    #[error("there are no steps")]
    Empty,
}

impl Plan {
    /// A plan of steps and what they need.
    pub fn new<'a>(steps: impl IntoIterator<Item = (&'a str, &'a [&'a str])>) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let steps = steps.into_iter();
        Plan(
            steps
                .map(|(step, needs)| (step.to_owned(), owned(needs)))
                .collect(),
        )
    }

    /// Whether all steps can be done, one after the other.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.0.is_empty() {
            return Err(PlanError::Empty);
        }
        for (step, needs) in &self.0 {
            if let Some(unknown) = needs.iter().find(|needed| !self.0.contains_key(*needed)) {
                return Err(PlanError::Unknown {
                    step: step.clone(),
                    needs: unknown.clone(),
                });
            }
        }
        let mut sound = BTreeSet::new();
        for step in self.0.keys() {
            self.follow(step, &mut Vec::new(), &mut sound)?;
        }
        Ok(())
    }

    /// Goes from a step to what it needs. `way` is how it was come to; what is `sound` leads into no circle.
    fn follow<'a>(
        &'a self,
        step: &'a str,
        way: &mut Vec<&'a str>,
        sound: &mut BTreeSet<&'a str>,
    ) -> Result<(), PlanError> {
        if let Some(start) = way.iter().position(|before| *before == step) {
            let circle = way[start..].iter().copied().chain([step]);
            return Err(PlanError::Circle(circle.map(str::to_owned).collect()));
        }
        if sound.contains(step) {
            return Ok(());
        }
        way.push(step);
        for needed in self.0.get(step).into_iter().flatten() {
            self.follow(needed, way, sound)?;
        }
        way.pop();
        sound.insert(step);
        Ok(())
    }

    /// The steps that can be done when those are `done`, and that were not `begun`.
    pub fn ready(&self, done: &BTreeSet<String>, begun: &BTreeSet<String>) -> Vec<String> {
        let steps = self.0.iter();
        let ready = steps.filter(|(step, needs)| !begun.contains(*step) && needs.is_subset(done));
        ready.map(|(step, _)| step.clone()).collect()
    }

    /// Whether all steps are done.
    pub fn is_done(&self, done: &BTreeSet<String>) -> bool {
        self.0.keys().all(|step| done.contains(step))
    }
}
