//! Events by the text of their fields, as files of format 1 have them.

use crate::eventstore::schema_lock::file::RecordedField;
use crate::eventstore::stored::{EventSchema, FieldSchema};

pub(super) fn fields(event: &EventSchema) -> Vec<RecordedField> {
    let field = |field: &FieldSchema| RecordedField {
        name: field.name.to_owned(),
        ty: field.ty.to_owned(),
        optional: field.optional,
    };
    event.fields.iter().map(field).collect()
}

/// What of the change cannot be read back.
pub(super) fn incompatible(before: &[RecordedField], now: &[RecordedField]) -> Vec<String> {
    let mut changes = Vec::new();
    for field in before {
        let name = &field.name;
        match now.iter().find(|other| other.name == *name) {
            None => changes.push(format!("the field `{name}` is gone")),
            Some(other) if other.ty != field.ty => changes.push(format!(
                "the field `{name}` was `{}` and is `{}`",
                field.ty, other.ty
            )),
            Some(other) if field.optional && !other.optional => {
                changes.push(format!("the field `{name}` was optional and is not"));
            }
            Some(_) => {}
        }
    }
    for field in now {
        let is_new = !before.iter().any(|other| other.name == field.name);
        if is_new && !field.optional {
            changes.push(format!(
                "the field `{}` is new and not optional",
                field.name
            ));
        }
    }
    changes
}
