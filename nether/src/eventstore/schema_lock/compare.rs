//! [`Comparison`]: the program beside the file; here, events and commands.

use std::collections::BTreeMap;

use crate::declaration::Declaration;
use crate::eventstore::schema_lock::becoming::{payloads, stuck};
use crate::eventstore::schema_lock::fields::{fields, incompatible};
use crate::eventstore::schema_lock::file::{LockFile, RecordedShape};
use crate::eventstore::schema_lock::finding::{FOR_GOOD, SchemaFinding};
use crate::eventstore::schema_lock::names::{NameKind, Section};
use crate::eventstore::schema_lock::present::Present;
use crate::eventstore::schema_lock::shapes::{Subject, forms};
use crate::eventstore::stored::{EventSchema, StoredShape};

type Declared = BTreeMap<&'static str, Declaration>;

pub(super) struct Comparison<'a> {
    pub(super) present: &'a Present,
    pub(super) removed: &'a [String],
    /// Whether events are stored in MessagePack.
    pub(super) is_packed: bool,
}

impl Comparison<'_> {
    /// Whether the change of that is decided upon; then it is for the file.
    pub(super) fn decided(&self, what: String, name: String) -> SchemaFinding {
        self.unless_confirmed(SchemaFinding::Gone {
            what,
            condition: FOR_GOOD,
            name,
        })
    }

    pub(super) fn decide(
        &self,
        findings: Vec<SchemaFinding>,
    ) -> impl Iterator<Item = SchemaFinding> {
        findings.into_iter().map(|it| self.unless_confirmed(it))
    }

    fn unless_confirmed(&self, finding: SchemaFinding) -> SchemaFinding {
        match finding {
            SchemaFinding::Gone { name, .. } if self.removed.contains(&name) => {
                SchemaFinding::Removed
            }
            other => other,
        }
    }

    pub(super) fn events(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let events = &self.present.events;
        let present: Declared = events
            .iter()
            .map(|(name, it)| (*name, it.declaration))
            .collect();
        let kind = NameKind {
            word: "event",
            consequence: "events of that name in stores are not read any more",
            kept: Some(
                "keep it, with `becomes = ..`, the function to the events that have taken its place",
            ),
            condition: "if no store holds it",
            present: &present,
            removed: self.removed,
        };
        let made = |name: &str| {
            BTreeMap::from([(events[name].version, self.event(events[name]).record())])
        };
        let newest = |versions: &BTreeMap<u32, RecordedShape>| {
            versions.values().next_back().map(forms).unwrap_or_default()
        };
        let section = Section {
            stored: &mut file.stored.events,
            removed: &mut file.removed.events,
        };
        let mut findings = kind.compare(section, made, |one, other| newest(one) == newest(other));
        for event in events.values() {
            if let Some(versions) = file.stored.events.get_mut(event.name) {
                findings.extend(self.versions(event, versions));
            }
        }
        findings
    }

    fn event<'e>(&self, event: &'e EventSchema) -> Subject<'e> {
        let (name, version) = (event.name, event.version);
        Subject {
            what: event.declaration.to_string(),
            name: format!("event {name}"),
            version,
            shape: &event.shape,
            known: self.present.known(&event.shape),
            way_out: format!(
                "write `version = {}` and `upcast = ..`, a function from what version {version} was",
                version + 1
            ),
            is_packed: self.is_packed,
            is_exact: false,
        }
    }

    fn versions(
        &self,
        event: &EventSchema,
        versions: &mut BTreeMap<u32, RecordedShape>,
    ) -> Vec<SchemaFinding> {
        let (what, version) = (event.declaration, event.version);
        let newest = versions.keys().next_back().copied().unwrap_or(0);
        if version < newest {
            return vec![SchemaFinding::Unreadable(format!(
                "{what} is version {version}, but version {newest} of it is in stores: go on from there, `version = {}` and an \
                 `upcast` for each step",
                newest + 1
            ))];
        }
        let mut findings = older(event, versions);
        let subject = self.event(event);
        match versions.get_mut(&version) {
            None => {
                findings.extend(subject.unknown());
                findings.push(SchemaFinding::New(format!(
                    "{what} has a version {version}"
                )));
                versions.insert(version, subject.record());
            }
            Some(record) => {
                if !record.fields.is_empty() {
                    findings.extend(extended(event, record, &subject.way_out));
                }
                findings.extend(self.decide(subject.compare(record)));
            }
        }
        let known = versions.iter();
        findings.extend(known.filter_map(|(version, record)| stuck(event, *version, record)));
        findings
    }

    pub(super) fn commands(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let commands = &self.present.commands;
        let present: Declared = commands
            .iter()
            .map(|(name, (it, _))| (*name, *it))
            .collect();
        let kind = NameKind {
            word: "command",
            consequence: "sagas under way that have to send it fail, and those that it is to start do not begin",
            kept: None,
            condition: FOR_GOOD,
            present: &present,
            removed: self.removed,
        };
        let subject = |name: &str| {
            let (declaration, shape) = &commands[name];
            self.plain(
                declaration,
                format!("command {name}"),
                shape,
                "keep it in `sends` or `starts` as it was until no saga needs it, and send another command instead",
            )
        };
        let section = Section {
            stored: &mut file.stored.commands,
            removed: &mut file.removed.commands,
        };
        let made = |name: &str| subject(name).record();
        let mut findings = kind.compare(section, made, |one, other| forms(one) == forms(other));
        for name in commands.keys() {
            if let Some(record) = file.stored.commands.get_mut(*name) {
                findings.extend(self.decide(subject(name).compare(record)));
            }
        }
        findings
    }

    /// Something that has no versions.
    pub(super) fn plain<'s>(
        &self,
        declaration: &Declaration,
        name: String,
        shape: &'s StoredShape,
        way_out: &str,
    ) -> Subject<'s> {
        Subject {
            what: format!(
                "`{}` ({})",
                name.rsplit(' ').next().unwrap_or(&name),
                declaration.place()
            ),
            name,
            version: 1,
            shape,
            known: self.present.known(shape),
            way_out: way_out.to_owned(),
            is_packed: false,
            is_exact: false,
        }
    }
}

/// Compares what older versions have written, which is read by the steps from there. A step that panics is
/// not reported: it need not bear every number.
fn older(event: &EventSchema, versions: &BTreeMap<u32, RecordedShape>) -> Vec<SchemaFinding> {
    let mut findings = Vec::new();
    for (version, record) in versions.range(..event.version) {
        let unread = payloads(record).find_map(|payload| {
            let read = event.shape.read_again(*version, &payload)?;
            Some((payload, read.err()?))
        });
        if let Some((payload, error)) = unread {
            findings.push(SchemaFinding::Unreadable(format!(
                "{}: `{}`, which version {version} has written, cannot be read: {error}; make its step in `upcast` take that",
                event.declaration,
                String::from_utf8_lossy(&payload.bytes)
            )));
        }
    }
    findings
}

/// An event of which the file has the text of its fields.
fn extended(event: &EventSchema, record: &mut RecordedShape, way_out: &str) -> Vec<SchemaFinding> {
    let what = event.declaration;
    let changes = incompatible(&record.fields, &fields(event));
    let told = |change| SchemaFinding::Unreadable(format!("{what}: {change}; {way_out}"));
    let mut findings: Vec<SchemaFinding> = changes.into_iter().map(told).collect();
    findings.push(SchemaFinding::New(format!(
        "{what} has no samples in the file yet"
    )));
    findings
}
