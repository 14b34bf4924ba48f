//! What commands that start sagas are answered with: stored with the end of the saga, and read when the
//! command is sent again, perhaps by a newer program.

use std::collections::BTreeMap;

use crate::declaration::Declaration;
use crate::eventstore::schema_lock::compare::Comparison;
use crate::eventstore::schema_lock::file::{LockFile, RecordedShape};
use crate::eventstore::schema_lock::finding::{FOR_GOOD, SchemaFinding};
use crate::eventstore::schema_lock::names::{NameKind, Section};
use crate::eventstore::schema_lock::present::KnownAnswer;
use crate::eventstore::schema_lock::shapes::{Subject, forms};
use crate::eventstore::stored::StoredShape;

impl Comparison<'_> {
    /// Compares the replies and the errors, by the names of their commands.
    pub(super) fn answers(&self, file: &mut LockFile) -> Vec<SchemaFinding> {
        let commands = &file.stored.commands;
        let is_new = |name: &str| !commands.contains_key(name);
        let replies = Section {
            stored: &mut file.stored.replies,
            removed: &mut file.removed.replies,
        };
        let mut findings = self.answers_of("reply", |it| &it.reply, replies, is_new);
        let errors = Section {
            stored: &mut file.stored.errors,
            removed: &mut file.removed.errors,
        };
        findings.extend(self.answers_of("error", |it| &it.error, errors, is_new));
        findings
    }

    fn answers_of(
        &self,
        word: &'static str,
        shape: fn(&KnownAnswer) -> &StoredShape,
        section: Section<'_, RecordedShape>,
        is_new: impl Fn(&str) -> bool,
    ) -> Vec<SchemaFinding> {
        let Section { stored, removed } = section;
        let answers = &self.present.answers;
        let subject = |name: &str| self.answer(word, &answers[name], name, shape);
        // That of a command which is gone is gone with it, and is no finding of its own.
        let of_command = |name: &String| self.present.commands.contains_key(name.as_str());
        let mut gone: BTreeMap<_, _> = stored.extract_if(.., |name, _| !of_command(name)).collect();
        let confirmed = |name: &String| self.removed.contains(&format!("command {name}"));
        removed.extend(gone.extract_if(.., |name, _| confirmed(name)));
        // Nor is that of a command which is new.
        for name in answers.keys().filter(|name| is_new(name)) {
            if !stored.contains_key(*name) && !removed.contains_key(*name) {
                stored.insert((*name).to_owned(), subject(name).record());
            }
        }
        let present: BTreeMap<&'static str, Declaration> = answers
            .iter()
            .map(|(name, it)| (*name, it.declaration))
            .collect();
        let kind = NameKind {
            word,
            consequence: "a command that is sent again cannot read the answer that it got",
            kept: None,
            condition: FOR_GOOD,
            present: &present,
            removed: self.removed,
        };
        let section = Section {
            stored: &mut *stored,
            removed,
        };
        let made = |name: &str| subject(name).record();
        let mut findings = kind.compare(section, made, |one, other| forms(one) == forms(other));
        for name in answers.keys() {
            if let Some(record) = stored.get_mut(*name) {
                findings.extend(self.decide(subject(name).compare(record)));
            }
        }
        stored.extend(gone);
        findings
    }

    fn answer<'s>(
        &self,
        word: &str,
        answer: &'s KnownAnswer,
        name: &str,
        shape: fn(&KnownAnswer) -> &StoredShape,
    ) -> Subject<'s> {
        let subject = self.plain(
            &answer.declaration,
            format!("{word} {name}"),
            shape(answer),
            "let it read what it was, since callers that send the command again get the answer of before; or start the saga by another command",
        );
        Subject {
            what: format!("the {word} of {}", subject.what),
            ..subject
        }
    }
}
