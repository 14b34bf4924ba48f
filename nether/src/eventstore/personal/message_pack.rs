//! Finds personal values in MessagePack, and replaces them.

use rmpv::Value;
use rmpv::decode::read_value;
use rmpv::encode::write_value;

use crate::eventstore::backend::StoreError;
use crate::eventstore::personal::replace::Replace;

/// The content with each map `{"<tag>": {"subject": .., "value": ..}}` replaced, the innermost first; `None`
/// if there is none.
pub(super) fn replaced(
    content: &[u8],
    tag: &str,
    replace: &mut Replace<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut rest = content;
    // What is not MessagePack as a whole is not read as an event either.
    let Ok(mut value) = read_value(&mut rest) else {
        return Ok(None);
    };
    if !rest.is_empty() || !walk(&mut value, tag, replace)? {
        return Ok(None);
    }
    Ok(Some(written(&value)))
}

/// Replaces what is in a value, and says whether something was.
fn walk(value: &mut Value, tag: &str, replace: &mut Replace<'_>) -> Result<bool, StoreError> {
    let mut is_replaced = false;
    match value {
        Value::Array(values) => {
            for value in values {
                is_replaced |= walk(value, tag, replace)?;
            }
        }
        Value::Map(entries) => {
            for (key, value) in &mut *entries {
                is_replaced |= walk(key, tag, replace)?;
                is_replaced |= walk(value, tag, replace)?;
            }
            let new = match tagged(entries, tag) {
                Some((subject, value)) => Some(replace(subject, &written(value))?),
                None => None,
            };
            if let Some(new) = new {
                *value = read_value(&mut &*new).map_err(StoreError::failed)?;
                is_replaced = true;
            }
        }
        _ => {}
    }
    Ok(is_replaced)
}

/// The subject and the value, if the map is one of a personal value.
fn tagged<'a>(entries: &'a [(Value, Value)], tag: &str) -> Option<(&'a str, &'a Value)> {
    let [(key, Value::Map(fields))] = entries else {
        return None;
    };
    let field = |name: &str| {
        let mut fields = fields.iter();
        fields.find_map(|(key, value)| (key.as_str() == Some(name)).then_some(value))
    };
    let is_one = key.as_str() == Some(tag) && fields.len() == 2;
    is_one.then_some((field("subject")?.as_str()?, field("value")?))
}

pub(super) fn written(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value).expect("a `Vec` takes every byte");
    bytes
}

/// A map of one entry.
pub(super) fn map(tag: &str, fields: Vec<(&str, Value)>) -> Vec<u8> {
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| (name.into(), value)).collect();
    written(&Value::Map(vec![(tag.into(), Value::Map(fields))]))
}
