//! Aggregates, projections and sagas beside the file.

use std::collections::BTreeMap;

use crate::declaration::Declaration;
use crate::eventstore::registered::{RegisteredKind, RegisteredName};
use crate::eventstore::schema_lock::compare::Comparison;
use crate::eventstore::schema_lock::file::{
    LockFile, RecordedAggregate, RecordedProjection, RecordedSaga, RecordedSnapshots,
};
use crate::eventstore::schema_lock::finding::{FOR_GOOD, SchemaFinding};
use crate::eventstore::schema_lock::names::{NameKind, Section};
use crate::eventstore::schema_lock::shapes::{Subject, forms};
use crate::eventstore::stored::retired_into;

impl Comparison<'_> {
    /// All differences; and brings the file up to date.
    pub(super) fn all(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let mut findings = self.events(file);
        findings.extend(self.aggregates(file));
        findings.extend(self.projections(file));
        findings.extend(self.sagas(file));
        // Before the commands, so that the file says still which of them are new.
        findings.extend(self.answers(file));
        findings.extend(self.commands(file));
        findings
    }

    /// Those of one kind, by name.
    fn of_kind(&self, is: fn(&RegisteredKind) -> bool) -> BTreeMap<&'static str, &RegisteredName> {
        let names = self.present.names.iter().filter(|it| is(&it.what));
        names.map(|it| (it.name, *it)).collect()
    }

    pub(super) fn aggregates(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let aggregates = self.of_kind(|it| matches!(it, RegisteredKind::Aggregate { .. }));
        let present = declared(&aggregates);
        let kind = NameKind {
            word: "aggregate",
            consequence: "no aggregate reads the streams in stores that begin with its name",
            kept: None,
            condition: FOR_GOOD,
            present: &present,
            removed: self.removed,
        };
        let snapshots = |name: &str| {
            let (version, subject) = self.snapshots(aggregates[name])?;
            Some((version, subject))
        };
        let made = |name: &str| RecordedAggregate {
            snapshots: snapshots(name).map(|(version, subject)| RecordedSnapshots {
                version,
                state: subject.record(),
            }),
        };
        let section = Section {
            stored: &mut file.stored.aggregates,
            removed: &mut file.removed.aggregates,
        };
        let state = |it: &RecordedAggregate| it.snapshots.as_ref().map(|it| forms(&it.state));
        let mut findings = kind.compare(section, made, |one, other| {
            state(one).is_some() && state(one) == state(other)
        });
        for name in aggregates.keys() {
            let (Some(record), now) = (file.stored.aggregates.get_mut(*name), snapshots(name))
            else {
                continue;
            };
            findings.extend(snapshots_of(name, record, now));
        }
        findings
    }

    fn snapshots<'n>(&self, name: &'n RegisteredName) -> Option<(u32, Subject<'n>)> {
        let RegisteredKind::Aggregate { snapshots } = &name.what else {
            return None;
        };
        let (version, shape) = snapshots.as_ref()?;
        let way_out = format!("write `snapshot_version = {}`", version + 1);
        let subject = self.plain(
            &name.declaration,
            format!("aggregate {}", name.name),
            shape,
            &way_out,
        );
        let what = format!("the state of {}", subject.what);
        let is_exact = true;
        Some((
            *version,
            Subject {
                what,
                is_exact,
                ..subject
            },
        ))
    }

    pub(super) fn projections(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let is_stored = |it: &RegisteredKind| {
            matches!(
                it,
                RegisteredKind::Projection {
                    is_stored: true,
                    ..
                }
            )
        };
        let projections = self.of_kind(is_stored);
        let present = declared(&projections);
        let kind = NameKind {
            word: "projection",
            consequence: "no projection reads its checkpoint, and all events are handled again",
            kept: None,
            condition: FOR_GOOD,
            present: &present,
            removed: self.removed,
        };
        let made = |name: &str| recorded_projection(&projections[name].what);
        let section = Section {
            stored: &mut file.stored.projections,
            removed: &mut file.removed.projections,
        };
        let mut findings = kind.compare(section, made, |one, other| one == other);
        for (name, projection) in &projections {
            let now = made(name);
            let Some(record) = file.stored.projections.get_mut(*name) else {
                continue;
            };
            let what = format!(
                "the projection `{name}` ({})",
                projection.declaration.place()
            );
            if now.version < record.version {
                findings.push(SchemaFinding::Unreadable(format!(
                    "{what} is version {}, but version {} has run: an older version stands by; write `version = {}`",
                    now.version,
                    record.version,
                    record.version + 1
                )));
            } else if now != *record {
                let then = on_change(&projection.what);
                findings.push(SchemaFinding::New(format!(
                    "{what} has another version, or handles other events: {then}"
                )));
                *record = now;
            }
        }
        findings
    }

    pub(super) fn sagas(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let sagas = self.of_kind(|it| matches!(it, RegisteredKind::Saga { .. }));
        let present = declared(&sagas);
        let kind = NameKind {
            word: "saga",
            consequence: "those under way do not go on",
            kept: None,
            condition: FOR_GOOD,
            present: &present,
            removed: self.removed,
        };
        let made = |name: &str| {
            self.saga(sagas[name])
                .map(|(record, _)| record)
                .unwrap_or_default()
        };
        let section = Section {
            stored: &mut file.stored.sagas,
            removed: &mut file.removed.sagas,
        };
        let mut findings = kind.compare(section, made, |one, other| {
            one.handles == other.handles && forms(&one.state) == forms(&other.state)
        });
        for (name, saga) in &sagas {
            let (Some(record), Some((now, subject))) =
                (file.stored.sagas.get_mut(*name), self.saga(saga))
            else {
                continue;
            };
            findings.extend(self.decide(subject.compare(&mut record.state)));
            findings.extend(self.lists(saga, record, &now));
            *record = RecordedSaga {
                state: std::mem::take(&mut record.state),
                ..now
            };
        }
        findings
    }

    fn saga<'n>(&self, name: &'n RegisteredName) -> Option<(RecordedSaga, Subject<'n>)> {
        let RegisteredKind::Saga {
            state,
            timeouts,
            handles,
            lists,
        } = &name.what
        else {
            return None;
        };
        let way_out =
            "keep what is stored readable, with `#[serde(default)]` or `#[serde(alias = \"..\")]`";
        let subject = self.plain(
            &name.declaration,
            format!("saga {}", name.name),
            state,
            way_out,
        );
        let subject = Subject {
            what: format!("the state of {}", subject.what),
            ..subject
        };
        let sends = lists.sends.iter().map(|it| (it.proof.descriptor)().name());
        let accepts = lists.accepts.iter();
        let accepts = accepts.map(|it| (it.proof.descriptor)().name());
        let record = RecordedSaga {
            key: lists.key.to_owned(),
            handles: sorted(handles.iter().copied()),
            starts: sorted(lists.starts.iter().map(|event| event.name).chain(accepts)),
            sends: sorted(sends),
            timeouts: sorted(timeouts.iter().map(|it| it.name)),
            state: subject.record(),
        };
        Some((record, subject))
    }

    /// What a saga says besides its state.
    fn lists(
        &self,
        saga: &RegisteredName,
        before: &RecordedSaga,
        now: &RecordedSaga,
    ) -> Vec<SchemaFinding> {
        let full = format!("saga {}", saga.name);
        let what = format!("the saga `{}` ({})", saga.name, saga.declaration.place());
        let mut findings = Vec::new();
        if before.key != now.key {
            let (before, now) = (&before.key, &now.key);
            let change = format!(
                "{what} has the key `{now}`, which was `{before}`: if the field has another value, sagas under way are not found by it"
            );
            findings.push(self.decided(change, full.clone()));
        }
        for timeout in before
            .timeouts
            .iter()
            .filter(|it| !now.timeouts.contains(it))
        {
            let change = format!(
                "{what} has no time-out `{timeout}` any more: in sagas under way, nothing happens when it is due (a time-out is stored \
                 under the name of its method)"
            );
            findings.push(self.decided(change, full.clone()));
        }
        let is_left = |name: &&String| {
            !now.sends.contains(*name) && self.present.commands.contains_key(name.as_str())
        };
        for command in before.sends.iter().filter(is_left) {
            let change = format!(
                "{what} does not list `{command}` any more: sagas under way that have to send it fail"
            );
            findings.push(self.decided(change, full.clone()));
        }
        let before = [
            &before.handles,
            &before.starts,
            &before.sends,
            &before.timeouts,
        ];
        if before != [&now.handles, &now.starts, &now.sends, &now.timeouts] {
            findings.push(SchemaFinding::New(format!("{what} has other lists")));
        }
        findings
    }
}

fn snapshots_of(
    name: &str,
    record: &mut RecordedAggregate,
    now: Option<(u32, Subject<'_>)>,
) -> Vec<SchemaFinding> {
    let (Some(before), Some((version, subject))) = (&mut record.snapshots, &now) else {
        let is_same = record.snapshots.is_none() && now.is_none();
        record.snapshots = now.map(|(version, subject)| RecordedSnapshots {
            version,
            state: subject.record(),
        });
        let what = format!("the aggregate `{name}` has snapshots, or has none any more");
        return (!is_same)
            .then_some(SchemaFinding::New(what))
            .into_iter()
            .collect();
    };
    if *version < before.version {
        return vec![SchemaFinding::Unreadable(format!(
            "{} is version {version}, but snapshots of version {} are in stores: write `snapshot_version = {}`",
            subject.what,
            before.version,
            before.version + 1
        ))];
    }
    if *version == before.version {
        return subject.compare(&mut before.state);
    }
    let mut findings = subject.unknown();
    findings.push(SchemaFinding::New(format!(
        "{} has a version {version}",
        subject.what
    )));
    *before = RecordedSnapshots {
        version: *version,
        state: subject.record(),
    };
    findings
}

/// The record of a projection: with the retired events that become its own, as in a store, because it is also
/// rebuilt if one of them is new.
fn recorded_projection(what: &RegisteredKind) -> RecordedProjection {
    let (version, handles) = match what {
        RegisteredKind::Projection {
            version, handles, ..
        } => {
            let retired = retired_into(|name| handles.contains(&name));
            (*version, sorted(handles.iter().copied().chain(retired)))
        }
        RegisteredKind::Aggregate { .. } | RegisteredKind::Saga { .. } => (1, Vec::new()),
    };
    RecordedProjection { version, handles }
}

/// What happens to a stored projection that has changed.
fn on_change(what: &RegisteredKind) -> &'static str {
    match what {
        RegisteredKind::Projection {
            can_clear: false, ..
        } => {
            "where a store has it, its start is refused, because nothing says how what it has stored is removed; mark a method that \
             does with `#[on_rebuild]`, or give it another `name`"
        }
        _ => "it is rebuilt when the program starts",
    }
}

fn declared(
    names: &BTreeMap<&'static str, &RegisteredName>,
) -> BTreeMap<&'static str, Declaration> {
    names
        .iter()
        .map(|(name, it)| (*name, it.declaration))
        .collect()
}

fn sorted(names: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}
