//! Names that are gone, and names that are new: together, they may be one thing under another name.

use std::collections::BTreeMap;

use crate::declaration::Declaration;
use crate::eventstore::schema_lock::finding::SchemaFinding;

/// The names of one kind.
pub(super) struct NameKind<'a> {
    /// `event`.
    pub(super) word: &'static str,
    /// What happens to what is stored under a name that is gone.
    pub(super) consequence: &'static str,
    /// What keeps it readable, beside its old name.
    pub(super) kept: Option<&'static str>,
    /// When it may be gone.
    pub(super) condition: &'static str,
    /// What the program has, and where.
    pub(super) present: &'a BTreeMap<&'static str, Declaration>,
    /// What someone has said to be gone for good.
    pub(super) removed: &'a [String],
}

/// The records of one kind in the file.
pub(super) struct Section<'a, R> {
    pub(super) stored: &'a mut BTreeMap<String, R>,
    pub(super) removed: &'a mut BTreeMap<String, R>,
}

impl NameKind<'_> {
    /// Finds names that are gone. A confirmed one is moved to `removed`; one that has come back is moved
    /// back. `made` says what is new, and `resembles` whether two are alike.
    pub(super) fn compare<R>(
        &self,
        section: Section<'_, R>,
        made: impl Fn(&str) -> R,
        resembles: impl Fn(&R, &R) -> bool,
    ) -> Vec<SchemaFinding> {
        let Section { stored, removed } = section;
        let mut findings = Vec::new();
        for name in self.present.keys() {
            if let Some(record) = removed.remove(*name) {
                stored.insert((*name).to_owned(), record);
                findings.push(SchemaFinding::New(format!(
                    "the {} `{name}` is back",
                    self.word
                )));
            }
        }
        let gone: Vec<String> = stored
            .keys()
            .filter(|it| !self.present.contains_key(it.as_str()))
            .cloned()
            .collect();
        let new: Vec<(&str, R)> = self
            .present
            .keys()
            .filter(|it| !stored.contains_key(**it))
            .map(|it| (*it, made(it)))
            .collect();
        for name in &gone {
            let full = format!("{} {name}", self.word);
            if self.removed.contains(&full) {
                removed.extend(stored.remove(name).map(|record| (name.clone(), record)));
                findings.push(SchemaFinding::Removed);
                continue;
            }
            let mut alike = new
                .iter()
                .filter(|(_, record)| resembles(&stored[name], record));
            let is_one_for_one = gone.len() == 1 && new.len() == 1;
            let other = alike
                .next()
                .or_else(|| new.first().filter(|_| is_one_for_one));
            findings.push(SchemaFinding::Gone {
                what: self.gone(name, other.map(|(other, _)| *other)),
                condition: self.condition,
                name: full,
            });
        }
        for (name, record) in new {
            let place = self.present[name].place();
            findings.push(SchemaFinding::New(format!(
                "the {} `{name}` is new ({place})",
                self.word
            )));
            stored.insert(name.to_owned(), record);
        }
        findings
    }

    fn gone(&self, name: &str, other: Option<&str>) -> String {
        let (word, consequence) = (self.word, self.consequence);
        match (other, self.kept) {
            (None, None) => format!("the {word} `{name}` is gone: {consequence}"),
            (None, Some(kept)) => format!("the {word} `{name}` is gone: {consequence}; {kept}"),
            (Some(other), kept) => format!(
                "the {word} `{name}` is gone, and `{other}` is new ({}), which is probably the same: {consequence}; write \
                 `name = \"{name}\"` there{}{}",
                self.present[other].place(),
                if kept.is_some() { ", or " } else { "" },
                kept.unwrap_or_default()
            ),
        }
    }
}
