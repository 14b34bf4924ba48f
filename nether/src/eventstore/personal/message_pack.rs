//! Finds personal values in MessagePack, and replaces them.

use rmpv::Value;
use rmpv::decode::read_value;
use rmpv::encode::write_value;

use crate::eventstore::backend::StoreError;
use crate::eventstore::personal::replace::{DEEPEST, FoundValue, NewValue, Replace, TAG, too_deep};

/// The content with each `"$personal": {"subject": .., ..}` of a map replaced, the innermost first; `None` if
/// there is none.
///
/// # Errors
/// [`StoreError::Codec`] if the content cannot be walked through, as when it is nested deeper than is read.
pub(super) fn replaced(
    content: &[u8],
    replace: &mut Replace<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut rest = content;
    let mut value = read_value(&mut rest).map_err(|error| StoreError::Codec {
        what: "content with personal values cannot be stored".to_owned(),
        reason: format!("it cannot be walked through: {error}"),
    })?;
    if !walk(&mut value, replace, DEEPEST)? {
        return Ok(None);
    }
    Ok(Some(written(&value)))
}

/// Replaces what is in a value, and says whether something was.
fn walk(value: &mut Value, replace: &mut Replace<'_>, depth: u32) -> Result<bool, StoreError> {
    let mut is_replaced = false;
    match value {
        Value::Array(values) => {
            for value in values {
                is_replaced |= walk(value, replace, depth)?;
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                is_replaced |= walk(key, replace, depth)?;
                if key.as_str() == Some(TAG) && is_personal(value) {
                    let deeper = depth.checked_sub(1).ok_or_else(too_deep)?;
                    walk(value, replace, deeper)?;
                    *value = place(value, replace)?;
                    is_replaced = true;
                } else {
                    is_replaced |= walk(value, replace, depth)?;
                }
            }
        }
        _ => {}
    }
    Ok(is_replaced)
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let mut fields = value.as_map()?.iter();
    fields.find_map(|(key, value)| (key.as_str() == Some(name)).then_some(value))
}

/// Whether it is what stands behind the tag: a subject, and perhaps the value.
fn is_personal(value: &Value) -> bool {
    let has_subject = field(value, "subject").is_some_and(Value::is_str);
    let is_sealed = field(value, "sealed").is_some_and(Value::is_bin);
    let is_known = field(value, "value").is_some();
    let fields = value.as_map().map_or(0, Vec::len);
    has_subject && !(is_sealed && is_known) && fields == 1 + usize::from(is_sealed || is_known)
}

/// What takes the place of a personal value.
fn place(value: &Value, replace: &mut Replace<'_>) -> Result<Value, StoreError> {
    let subject = field(value, "subject").and_then(Value::as_str);
    let subject = subject.unwrap_or_default();
    let known = field(value, "value").map(written);
    let sealed = field(value, "sealed").and_then(Value::as_slice);
    let found = match (&known, sealed) {
        (Some(known), _) => FoundValue::Known(known),
        (None, Some(sealed)) => FoundValue::Sealed(sealed.to_vec()),
        (None, None) => FoundValue::Forgotten,
    };
    let mut fields = vec![("subject".into(), subject.into())];
    match replace(subject, found)? {
        NewValue::Same => return Ok(value.clone()),
        NewValue::Known(value) => {
            let value = read_value(&mut &*value).map_err(StoreError::failed)?;
            fields.push(("value".into(), value));
        }
        NewValue::Sealed(sealed) => fields.push(("sealed".into(), Value::Binary(sealed))),
        NewValue::Forgotten => {}
        NewValue::Unreadable => fields.push(("undecipherable".into(), true.into())),
    }
    Ok(Value::Map(fields))
}

fn written(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value).expect("a `Vec` takes every byte");
    bytes
}
