//! Finds personal values in JSON, and replaces them. All other bytes stay as they are, so that no number is
//! read and written again.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::eventstore::backend::StoreError;
use crate::eventstore::personal::replace::{DEEPEST, FoundValue, NewValue, Replace, TAG, too_deep};
use crate::hexadecimal::{from_hexadecimal, hexadecimal};

/// The subject and the value, as they stand behind the tag.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tagged<'a> {
    subject: String,
    /// Not an `Option` of serde's, for which a value that is `null` would be none.
    #[serde(borrow, default, deserialize_with = "some")]
    value: Option<&'a RawValue>,
    #[serde(default)]
    sealed: Option<String>,
}

fn some<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The content with each `"$personal":{"subject":..,..}` replaced, the innermost first; `None` if there is
/// none. It may be one of several keys of its object, as serde writes what is flattened or tagged.
pub(super) fn replaced(
    content: &[u8],
    replace: &mut Replace<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    replaced_in(content, replace, DEEPEST)
}

fn replaced_in(
    content: &[u8],
    replace: &mut Replace<'_>,
    depth: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let key = format!("\"{TAG}\"").into_bytes();
    let (mut new, mut copied, mut from) = (Vec::new(), 0, 0);
    while let Some(found) = find(&content[from..], &key) {
        from += found + key.len();
        let Some((start, end, tagged)) = behind(content, from) else {
            continue;
        };
        let deeper = depth.checked_sub(1).ok_or_else(too_deep)?;
        let Tagged {
            subject,
            value,
            sealed,
        } = tagged;
        let inner = match value {
            Some(value) => replaced_in(value.get().as_bytes(), replace, deeper)?,
            None => None,
        };
        let known = inner.as_deref().or(value.map(|it| it.get().as_bytes()));
        let found = match (known, sealed) {
            (Some(known), None) => FoundValue::Known(known),
            (None, Some(sealed)) => {
                FoundValue::Sealed(from_hexadecimal(&sealed).unwrap_or_default())
            }
            (None, None) => FoundValue::Forgotten,
            (Some(_), Some(_)) => continue,
        };
        let place = match replace(&subject, found)? {
            NewValue::Same => match &inner {
                Some(inner) => written(&subject, "value", Some(inner)),
                None => content[start..end].to_vec(),
            },
            NewValue::Known(value) => written(&subject, "value", Some(&value)),
            NewValue::Sealed(sealed) => {
                let text = format!("\"{}\"", hexadecimal(&sealed));
                written(&subject, "sealed", Some(text.as_bytes()))
            }
            NewValue::Forgotten => written(&subject, "", None),
            NewValue::Unreadable => written(&subject, "undecipherable", Some(b"true")),
        };
        new.extend_from_slice(&content[copied..start]);
        new.extend(place);
        (copied, from) = (end, end);
    }
    if copied == 0 {
        return Ok(None);
    }
    new.extend_from_slice(&content[copied..]);
    Ok(Some(new))
}

fn written(subject: &str, field: &str, value: Option<&[u8]>) -> Vec<u8> {
    let mut object = b"{\"subject\":".to_vec();
    object.extend(serde_json::to_vec(subject).expect("a text is JSON"));
    if let Some(value) = value {
        object.extend_from_slice(format!(",\"{field}\":").as_bytes());
        object.extend_from_slice(value);
    }
    object.push(b'}');
    object
}

fn find(content: &[u8], key: &[u8]) -> Option<usize> {
    content.windows(key.len()).position(|it| it == key)
}

/// The object behind a key: where it starts and ends, and what is in it. Within a text the quotes of the key
/// would be escaped, so a key that is found is one.
fn behind(content: &[u8], key_end: usize) -> Option<(usize, usize, Tagged<'_>)> {
    let blanks = |from: usize| {
        let rest = &content[from..];
        from + (rest.len() - rest.trim_ascii_start().len())
    };
    let colon = blanks(key_end);
    if content.get(colon) != Some(&b':') {
        return None;
    }
    let start = blanks(colon + 1);
    if content.get(start) != Some(&b'{') {
        return None;
    }
    let mut tagged = serde_json::Deserializer::from_slice(&content[start..]).into_iter();
    let value: Tagged<'_> = tagged.next()?.ok()?;
    Some((start, start + tagged.byte_offset(), value))
}

#[cfg(test)]
mod tests {
    use super::replaced;
    use crate::eventstore::personal::replace::{FoundValue, NewValue};

    fn shouted(content: &str) -> Option<String> {
        let mut replace = |_: &str, value: FoundValue<'_>| {
            Ok(match value {
                FoundValue::Known(value) => NewValue::Known(value.to_ascii_uppercase()),
                FoundValue::Sealed(_) | FoundValue::Forgotten => NewValue::Same,
            })
        };
        let replaced = replaced(content.as_bytes(), &mut replace).unwrap();
        replaced.map(|it| String::from_utf8(it).unwrap())
    }

    #[test]
    fn each_value_is_replaced_and_nothing_else() {
        let one = r#"{"$personal":{"subject":"42","value":"ann"}}"#;
        let big = r#"{"$personal":{"subject":"42","value":"ANN"}}"#;
        assert_eq!(shouted(one).unwrap(), big);
        let number = u128::MAX;
        let list = format!(r#"{{"a":[1.50,{one},{{"b":{one}}}],"n":{number}}}"#);
        let expected = format!(r#"{{"a":[1.50,{big},{{"b":{big}}}],"n":{number}}}"#);
        assert_eq!(shouted(&list).unwrap(), expected);
        // Flattened, or in a tagged enum; with white space.
        let among = r#"{"kind":"a", "$personal" : {"value":["ann"] , "subject":"4\"2"} ,"n":1}"#;
        let expected = r#"{"kind":"a", "$personal" : {"subject":"4\"2","value":["ANN"]} ,"n":1}"#;
        assert_eq!(shouted(among).unwrap(), expected);
        let nested = format!(r#"{{"$personal":{{"subject":"1","value":{one}}}}}"#);
        let nested = shouted(&nested).unwrap();
        assert!(nested.contains("ANN"), "{nested}");
    }

    #[test]
    fn values_that_are_too_deep_in_each_other_are_an_error() {
        let nested = |depth: usize| {
            let open = r#"{"$personal":{"subject":"1","value":"#.repeat(depth);
            format!("{open}1{}", "}}".repeat(depth))
        };
        let mut replace = |_: &str, _: FoundValue<'_>| Ok(NewValue::Same);
        for (depth, is_sound) in [(1, true), (4, true), (5, false), (20_000, false)] {
            let replaced = replaced(nested(depth).as_bytes(), &mut replace);
            assert_eq!(replaced.is_ok(), is_sound, "{depth}");
        }
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for content in [
            r#""{\"$personal\":{\"subject\":\"42\",\"value\":1}}""#,
            r#"["$personal",{"$personal":1},{"$personal":{}},{"$personal":[]}]"#,
            r#"{"$personal":{"subject":"42","value":1,"more":2}}"#,
            r#"{"$personal":{"subject":"42","value":1"#,
            r#""$personal""#,
            "",
        ] {
            assert_eq!(shouted(content), None, "{content}");
        }
    }
}
