//! [`compare`]: the program beside the file.

use std::collections::BTreeMap;

use crate::declaration::Declaration;
use crate::eventstore::registered::{RegisteredKind, RegisteredName};
use crate::eventstore::schema_lock::fields::{fields, incompatible};
use crate::eventstore::schema_lock::file::{
    LockFile, RecordedAggregate, RecordedProjection, RecordedSaga, RecordedShape, RecordedSnapshots,
};
use crate::eventstore::schema_lock::finding::Finding;
use crate::eventstore::schema_lock::names::{Kind, Section};
use crate::eventstore::schema_lock::present::Present;
use crate::eventstore::schema_lock::shapes::{Subject, forms};
use crate::eventstore::stored::{EventSchema, Shape};

type Findings = Vec<Finding>;
type Declared = BTreeMap<&'static str, Declaration>;

/// All differences, and the file as it has to be then.
pub(super) fn compare(
    mut file: LockFile,
    present: &Present,
    retired: &[String],
) -> (LockFile, Findings) {
    let comparison = Comparison { present, retired };
    let mut findings = comparison.events(&mut file);
    findings.extend(comparison.aggregates(&mut file));
    findings.extend(comparison.projections(&mut file));
    findings.extend(comparison.sagas(&mut file));
    findings.extend(comparison.commands(&mut file));
    (file, findings)
}

struct Comparison<'a> {
    present: &'a Present,
    retired: &'a [String],
}

impl Comparison<'_> {
    /// Whether the change of that is decided upon; then it is for the file.
    fn decided(&self, what: String, name: String) -> Finding {
        match self.retired.contains(&name) {
            true => Finding::Retired,
            false => Finding::Gone { what, name },
        }
    }

    fn decide(&self, findings: Findings) -> impl Iterator<Item = Finding> {
        findings.into_iter().map(|finding| match finding {
            Finding::Gone { what, name } => self.decided(what, name),
            other => other,
        })
    }

    fn events(&self, file: &mut LockFile) -> Findings {
        let events = &self.present.events;
        let present: Declared = events
            .iter()
            .map(|(name, it)| (*name, it.declaration))
            .collect();
        let kind = Kind {
            word: "event",
            consequence: "events of that name in stores are not read any more",
            present: &present,
            retired: self.retired,
        };
        let made = |name: &str| {
            BTreeMap::from([(events[name].version, self.event(events[name]).record())])
        };
        let newest = |versions: &BTreeMap<u32, RecordedShape>| {
            versions.values().next_back().map(forms).unwrap_or_default()
        };
        let section = Section {
            stored: &mut file.stored.events,
            retired: &mut file.retired.events,
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
            is_exact: false,
        }
    }

    fn versions(
        &self,
        event: &EventSchema,
        versions: &mut BTreeMap<u32, RecordedShape>,
    ) -> Findings {
        let (what, version) = (event.declaration, event.version);
        let newest = versions.keys().next_back().copied().unwrap_or(0);
        if version < newest {
            return vec![Finding::Unreadable(format!(
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
                findings.push(Finding::New(format!("{what} has a version {version}")));
                versions.insert(version, subject.record());
            }
            Some(record) => {
                if !record.fields.is_empty() {
                    findings.extend(extended(event, record, &subject.way_out));
                }
                findings.extend(self.decide(subject.compare(record)));
            }
        }
        findings
    }

    fn commands(&self, file: &mut LockFile) -> Findings {
        let commands = &self.present.commands;
        let present: Declared = commands
            .iter()
            .map(|(name, (it, _))| (*name, *it))
            .collect();
        let kind = Kind {
            word: "command",
            consequence: "sagas under way that have to send it fail",
            present: &present,
            retired: self.retired,
        };
        let subject = |name: &str| {
            let (declaration, shape) = &commands[name];
            self.plain(
                declaration,
                format!("command {name}"),
                shape,
                "keep it in `sends` as it was until no saga has to send it, and send another command instead",
            )
        };
        let section = Section {
            stored: &mut file.stored.commands,
            retired: &mut file.retired.commands,
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
    fn plain<'s>(
        &self,
        declaration: &Declaration,
        name: String,
        shape: &'s Shape,
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
            is_exact: false,
        }
    }

    /// Those of one kind, by name.
    fn of_kind(&self, is: fn(&RegisteredKind) -> bool) -> BTreeMap<&'static str, &RegisteredName> {
        let names = self.present.names.iter().filter(|it| is(&it.what));
        names.map(|it| (it.name, *it)).collect()
    }

    fn aggregates(&self, file: &mut LockFile) -> Findings {
        let aggregates = self.of_kind(|it| matches!(it, RegisteredKind::Aggregate { .. }));
        let present = declared(&aggregates);
        let kind = Kind {
            word: "aggregate",
            consequence: "the streams in stores that begin with its name belong to nobody",
            present: &present,
            retired: self.retired,
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
            retired: &mut file.retired.aggregates,
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

    fn projections(&self, file: &mut LockFile) -> Findings {
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
        let kind = Kind {
            word: "projection",
            consequence: "its checkpoint belongs to nobody, and all events are handled again",
            present: &present,
            retired: self.retired,
        };
        let made = |name: &str| match &projections[name].what {
            RegisteredKind::Projection { handles, .. } => RecordedProjection {
                handles: names_of(handles),
            },
            RegisteredKind::Aggregate { .. } | RegisteredKind::Saga { .. } => {
                RecordedProjection::default()
            }
        };
        let section = Section {
            stored: &mut file.stored.projections,
            retired: &mut file.retired.projections,
        };
        let mut findings = kind.compare(section, made, |one, other| one == other);
        for (name, projection) in &projections {
            let now = made(name);
            let Some(record) = file
                .stored
                .projections
                .get_mut(*name)
                .filter(|it| **it != now)
            else {
                continue;
            };
            let place = projection.declaration.place();
            findings.push(Finding::New(format!(
                "the projection `{name}` ({place}) handles other events: of a new one, it has not seen those before its checkpoint \
                 until it is rebuilt"
            )));
            *record = now;
        }
        findings
    }

    fn sagas(&self, file: &mut LockFile) -> Findings {
        let sagas = self.of_kind(|it| matches!(it, RegisteredKind::Saga { .. }));
        let present = declared(&sagas);
        let kind = Kind {
            word: "saga",
            consequence: "those under way do not go on",
            present: &present,
            retired: self.retired,
        };
        let made = |name: &str| {
            self.saga(sagas[name])
                .map(|(record, _)| record)
                .unwrap_or_default()
        };
        let section = Section {
            stored: &mut file.stored.sagas,
            retired: &mut file.retired.sagas,
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
        let record = RecordedSaga {
            key: lists.key.to_owned(),
            handles: names_of(lists.handles),
            starts: names_of(lists.starts),
            sends: sorted(sends),
            timeouts: sorted(timeouts.iter().map(|it| it.name)),
            state: subject.record(),
        };
        Some((record, subject))
    }

    /// What a saga says besides its state.
    fn lists(&self, saga: &RegisteredName, before: &RecordedSaga, now: &RecordedSaga) -> Findings {
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
            findings.push(Finding::New(format!("{what} has other lists")));
        }
        findings
    }
}

/// What older versions have written is read by the steps from there. A step that panics is not told: it need not
/// bear every number.
fn older(event: &EventSchema, versions: &BTreeMap<u32, RecordedShape>) -> Findings {
    let mut findings = Vec::new();
    for (version, record) in versions.range(..event.version) {
        let unread = record.samples.iter().find_map(|sample| {
            let read = event.shape.read_again(*version, sample.get())?;
            Some((sample, read.err()?))
        });
        if let Some((sample, error)) = unread {
            findings.push(Finding::Unreadable(format!(
                "{}: `{}`, which version {version} has written, cannot be read: {error}; make its step in `upcast` take that",
                event.declaration,
                sample.get()
            )));
        }
    }
    findings
}

/// An event of which the file has the text of its fields.
fn extended(event: &EventSchema, record: &mut RecordedShape, way_out: &str) -> Findings {
    let what = event.declaration;
    let changes = incompatible(&record.fields, &fields(event));
    let told = |change| Finding::Unreadable(format!("{what}: {change}; {way_out}"));
    let mut findings: Findings = changes.into_iter().map(told).collect();
    findings.push(Finding::New(format!(
        "{what} has no samples in the file yet"
    )));
    findings
}

fn snapshots_of(
    name: &str,
    record: &mut RecordedAggregate,
    now: Option<(u32, Subject<'_>)>,
) -> Findings {
    let (Some(before), Some((version, subject))) = (&mut record.snapshots, &now) else {
        let is_same = record.snapshots.is_none() && now.is_none();
        record.snapshots = now.map(|(version, subject)| RecordedSnapshots {
            version,
            state: subject.record(),
        });
        let what = format!("the aggregate `{name}` has snapshots, or has none any more");
        return (!is_same)
            .then_some(Finding::New(what))
            .into_iter()
            .collect();
    };
    if *version < before.version {
        return vec![Finding::Unreadable(format!(
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
    findings.push(Finding::New(format!(
        "{} has a version {version}",
        subject.what
    )));
    *before = RecordedSnapshots {
        version: *version,
        state: subject.record(),
    };
    findings
}

fn declared(names: &BTreeMap<&'static str, &RegisteredName>) -> Declared {
    names
        .iter()
        .map(|(name, it)| (*name, it.declaration))
        .collect()
}

fn names_of(events: &[&EventSchema]) -> Vec<String> {
    sorted(events.iter().map(|event| event.name))
}

fn sorted(names: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}
