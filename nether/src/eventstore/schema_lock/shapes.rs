//! What something looks like that is written down, beside what the file says of it.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::eventstore::backend::{Encoding, Payload};
use crate::eventstore::schema_lock::difference::{Difference, differences, form, forms_at};
use crate::eventstore::schema_lock::file::{PackedSample, RecordedShape};
use crate::eventstore::schema_lock::finding::{FOR_GOOD, SchemaFinding};
use crate::eventstore::schema_lock::present::Known;
use crate::eventstore::stored::StoredShape;

/// A type whose stored form is compared with the file.
pub(super) struct Subject<'a> {
    /// Name and place.
    pub(super) what: String,
    /// As one confirms that it is gone.
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) shape: &'a StoredShape,
    pub(super) known: Known,
    /// What to do about a change that cannot be read.
    pub(super) way_out: String,
    /// Whether it is also written in MessagePack.
    pub(super) is_packed: bool,
    /// Whether it has to be the same: a snapshot in which a field is new has not what happened to that.
    pub(super) is_exact: bool,
}

/// A sample that cannot be read.
struct UnreadSample {
    text: String,
    error: String,
    /// Whether the program has written it, and not one before it.
    is_new: bool,
}

impl Subject<'_> {
    fn unreadable(&self, change: &str) -> SchemaFinding {
        SchemaFinding::Unreadable(format!("{}: {change}; {}", self.what, self.way_out))
    }

    fn read(&self, text: &str) -> Result<String, String> {
        let payload = Payload {
            encoding: Encoding::Json,
            bytes: text.as_bytes().to_vec(),
        };
        self.read_payload(&payload)
    }

    fn read_payload(&self, payload: &Payload) -> Result<String, String> {
        let read = self.shape.read_again(self.version, payload);
        let read = read.unwrap_or_else(|| Err("reading it panicked".to_owned()));
        read.map_err(|error| match error.rsplit_once(" at line ") {
            Some((error, _)) => error.to_owned(),
            None => error,
        })
    }

    /// The record of a shape that is not in the file yet.
    pub(super) fn record(&self) -> RecordedShape {
        let mut record = RecordedShape::default();
        self.extend(&mut record);
        record
    }

    fn extend(&self, record: &mut RecordedShape) {
        let new = self.new_texts(record);
        let new = new
            .into_iter()
            .filter_map(|text| RawValue::from_string(text.clone()).ok());
        record.samples.extend(new.collect::<Vec<_>>());
        record.optional = self.optional(record);
        self.pack(record);
        record.fields.clear();
    }

    /// The texts that are written now in a form that no sample has at that place.
    fn new_texts(&self, record: &RecordedShape) -> Vec<&String> {
        let samples = record.samples.iter().map(|it| value(it.get()));
        let forms: BTreeSet<String> = samples.flat_map(|it| forms_at(&it)).collect();
        let is_new = |text: &&String| !forms_at(&value(text)).is_subset(&forms);
        self.known.texts.iter().filter(is_new).collect()
    }

    /// The fields without which each sample can be read.
    fn optional(&self, record: &RecordedShape) -> Vec<String> {
        let (mut may, mut must) = (BTreeSet::new(), BTreeSet::new());
        for sample in &record.samples {
            let whole = value(sample.get());
            for place in fields(&whole) {
                let text = without(&whole, &place).to_string();
                match self.read(&text) {
                    Ok(_) => may.insert(place),
                    Err(_) => must.insert(place),
                };
            }
        }
        may.difference(&must).cloned().collect()
    }

    /// A finding for each reason why the type could not be examined in full.
    pub(super) fn unknown(&self) -> Vec<SchemaFinding> {
        let missed = self.known.missed.iter();
        let told = |why| {
            SchemaFinding::Unreadable(format!(
                "{}: no value could be made of it to compare ({why}); give one: `SchemaLock::at(path).sample(&value).check()`",
                self.what
            ))
        };
        missed.map(told).collect()
    }

    /// Compares, and brings the record up to date.
    pub(super) fn compare(&self, record: &mut RecordedShape) -> Vec<SchemaFinding> {
        let mut findings = self.unknown();
        let mut renamed = BTreeSet::new();
        let (mut lost, mut added, mut told) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for sample in &record.samples {
            match self.compare_sample(sample.get()) {
                Ok(differences) => {
                    for difference in differences {
                        match difference {
                            Difference::Lost(place) => _ = lost.insert(place),
                            Difference::Added(place) => _ = added.insert(place),
                            Difference::Changed { place, before, now } => {
                                let rename = format!("{place}: {before} is {now}");
                                let is_told = self.merged(record, &place, &now);
                                if is_told && !record.renamed.contains(&rename) {
                                    findings.push(self.read_as(&place, &before, &now));
                                    continue;
                                }
                                match self.changed(sample.get(), &place, &before, &now) {
                                    Some(finding) => findings.push(finding),
                                    None => _ = renamed.insert(rename),
                                }
                            }
                        }
                    }
                }
                // One sample of each kind of error.
                Err(why) if told.insert(kind_of(&why.error)) => {
                    let UnreadSample {
                        text,
                        error,
                        is_new,
                    } = why;
                    let whose = if is_new {
                        "is written now"
                    } else {
                        "stores hold"
                    };
                    let change = format!("`{text}`, which {whose}, cannot be read: {error}");
                    findings.push(self.unreadable(&change));
                }
                Err(_) => {}
            }
        }
        renamed.retain(|it| !record.renamed.contains(it));
        record.renamed.extend(renamed);
        findings.extend(self.became_needed(record, &lost));
        findings.extend(self.compare_packed(record));
        findings.extend(self.unpacked(record));
        let (new, is_new) = (self.new_texts(record), |it: &&String| {
            !record.dropped.contains(*it)
        });
        if self.is_exact && (!new.is_empty() || !lost.is_empty() || !added.is_empty()) {
            findings.push(self.unreadable("it has another shape"));
        } else {
            let lost: Vec<&String> = lost.iter().filter(is_new).collect();
            findings.extend(lost.iter().map(|it| self.lost(it, record, &added)));
            if let Some(text) = new.first().filter(|_| !record.samples.is_empty()) {
                let what = &self.what;
                findings.push(SchemaFinding::New(format!(
                    "{what} writes something new: `{text}`"
                )));
            }
            let lost: Vec<String> = lost.into_iter().cloned().collect();
            record.dropped.extend(lost);
        }
        findings.dedup_by(|one, other| text(one) == text(other));
        self.extend(record);
        findings
    }

    /// Adds to the record what its samples are in MessagePack.
    fn pack(&self, record: &mut RecordedShape) {
        if !self.is_packed {
            return;
        }
        for sample in &record.samples {
            let is_there = record
                .packed
                .iter()
                .any(|it| it.sample.get() == sample.get());
            let bytes = self.shape.pack(sample.get()).filter(|_| !is_there);
            let packed = bytes.map(|bytes| PackedSample::of(sample.clone(), &bytes));
            record.packed.extend(packed);
        }
    }

    /// A sample that is not in the file in MessagePack, and could be.
    fn unpacked(&self, record: &RecordedShape) -> Option<SchemaFinding> {
        let is_there = |text: &str| record.packed.iter().any(|it| it.sample.get() == text);
        let mut samples = record.samples.iter().map(|it| it.get());
        let is_missing = |text: &&str| !is_there(text) && self.shape.pack(text).is_some();
        let missing = samples.find(is_missing).filter(|_| self.is_packed)?;
        let what = &self.what;
        Some(SchemaFinding::New(format!(
            "{what} is not in the file in MessagePack: `{missing}`"
        )))
    }

    /// Compares what is read from MessagePack with what is read from JSON; both must be the same.
    fn compare_packed(&self, record: &RecordedShape) -> Vec<SchemaFinding> {
        let differs = |packed: &PackedSample| {
            let (bytes, sample) = (&packed.bytes, packed.sample.get());
            let payload = packed.payload();
            let what = format!("`{bytes}`, which stores hold in MessagePack for `{sample}`,");
            match (self.read_payload(&payload), self.read(sample)) {
                (Err(error), _) => Some(format!("{what} cannot be read: {error}")),
                (Ok(one), Ok(other)) if one != other => Some(format!("{what} is read as `{one}`")),
                (Ok(_), _) => None,
            }
        };
        let change = record.packed.iter().find_map(differs);
        change
            .iter()
            .map(|change| self.unreadable(change))
            .collect()
    }

    fn compare_sample(&self, sample: &str) -> Result<Vec<Difference>, UnreadSample> {
        let unread = |text: &str, is_new| {
            let text = text.to_owned();
            move |error| UnreadSample {
                text,
                error,
                is_new,
            }
        };
        let again = self.read(sample).map_err(unread(sample, false))?;
        self.read(&again).map_err(unread(&again, true))?;
        Ok(differences(&value(sample), &value(&again)))
    }

    /// A text may be another one: a variant has another name, and the old one as an alias. But where any text
    /// is read as that, the variant is gone.
    fn changed(
        &self,
        sample: &str,
        place: &str,
        before: &Value,
        now: &Value,
    ) -> Option<SchemaFinding> {
        if before.is_string() && now.is_string() && !self.is_exact {
            let mut whole = value(sample);
            *whole.pointer_mut(place)? = Value::from("no such name");
            let read = self.read(&whole.to_string()).ok()?;
            if value(&read).pointer(place) != Some(now) {
                return None;
            }
        }
        Some(self.read_as(place, before, now))
    }

    /// Whether what is read there is what stores hold there for something else: two would become one.
    fn merged(&self, record: &RecordedShape, place: &str, now: &Value) -> bool {
        let mut samples = record.samples.iter().map(|it| value(it.get()));
        now.is_string() && samples.any(|it| it.pointer(place) == Some(now))
    }

    fn read_as(&self, place: &str, before: &Value, now: &Value) -> SchemaFinding {
        let at = shown(place);
        let change = format!("`{before}`{at}, which stores hold, is read as `{now}`");
        self.unreadable(&change)
    }

    /// Fields that could be missing, and cannot any more.
    fn became_needed(&self, record: &RecordedShape, lost: &BTreeSet<String>) -> Vec<SchemaFinding> {
        let mut needed = BTreeSet::new();
        let optional = |place: &&String| record.optional.contains(*place) && !lost.contains(*place);
        for sample in &record.samples {
            let whole = value(sample.get());
            if self.read(sample.get()).is_err() {
                continue; // Reported already.
            }
            for place in fields(&whole).iter().filter(optional) {
                let text = without(&whole, place).to_string();
                if let Err(error) = self.read(&text) {
                    needed.insert(format!(
                        "`{}` could be missing, and cannot any more: {error}",
                        plain(place)
                    ));
                }
            }
        }
        needed
            .iter()
            .map(|change| self.unreadable(change))
            .collect()
    }

    fn lost(&self, place: &str, record: &RecordedShape, added: &BTreeSet<String>) -> SchemaFinding {
        let field = plain(place);
        if !record.optional.iter().any(|it| it == place) {
            let change =
                format!("`{field}`, which stores hold, is lost when it is read and written");
            return self.unreadable(&change);
        }
        let around = place.rsplit_once('/').map_or("", |(around, _)| around);
        let beside = |it: &&String| {
            it.rsplit_once('/')
                .is_some_and(|(other, _)| other == around)
        };
        let what = &self.what;
        match added.iter().find(beside) {
            None => SchemaFinding::New(format!(
                "{what} does not have `{field}` any more, which could be missing"
            )),
            Some(other) => SchemaFinding::Gone {
                what: format!(
                    "{what} does not have `{field}` any more, which could be missing, and `{}` is new: if that is its name now, \
                     write `#[serde(alias = \"{}\")]` above it",
                    plain(other),
                    field.rsplit('.').next().unwrap_or(&field)
                ),
                condition: FOR_GOOD,
                name: self.name.clone(),
            },
        }
    }
}

/// An error without its values and where they are.
fn kind_of(error: &str) -> String {
    error
        .chars()
        .filter(|letter| !letter.is_ascii_digit())
        .collect()
}

fn text(finding: &SchemaFinding) -> &str {
    match finding {
        SchemaFinding::Unreadable(text)
        | SchemaFinding::New(text)
        | SchemaFinding::Gone { what: text, .. } => text,
        SchemaFinding::Removed => "",
    }
}

pub(super) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The forms of a record's samples.
pub(super) fn forms(record: &RecordedShape) -> BTreeSet<String> {
    record
        .samples
        .iter()
        .map(|it| form(&value(it.get())))
        .collect()
}

/// The places of all fields.
fn fields(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found
}

fn collect(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                collect(value, &at, found);
                found.push(at);
            }
        }
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                collect(value, &format!("{place}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The value without a field.
fn without(value: &Value, place: &str) -> Value {
    let mut value = value.clone();
    if let Some((around, name)) = place.rsplit_once('/')
        && let Some(Value::Object(fields)) = value.pointer_mut(around)
    {
        fields.remove(&name.replace("~1", "/").replace("~0", "~"));
    }
    value
}

/// `a.b`.
fn plain(place: &str) -> String {
    place
        .trim_start_matches('/')
        .replace('/', ".")
        .replace("~1", "/")
        .replace("~0", "~")
}

fn shown(place: &str) -> String {
    match place.is_empty() {
        true => String::new(),
        false => format!(" in `{}`", plain(place)),
    }
}
