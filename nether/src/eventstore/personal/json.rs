//! Finds personal values in JSON, and replaces them. All other bytes stay as they are, so that no number is
//! read and written again.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::eventstore::backend::StoreError;
use crate::eventstore::personal::replace::Replace;

/// How many values may be in each other: as deep as `serde_json` reads.
const DEEPEST: u32 = 128;

fn too_deep() -> StoreError {
    StoreError::Codec {
        what: "a personal value cannot be stored".to_owned(),
        reason: format!("more than {DEEPEST} personal values are in each other"),
    }
}

/// The subject and the value, as they stand behind the tag.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tagged<'a> {
    subject: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// The content with each object `{"<tag>":{"subject":..,"value":..}}` replaced, the innermost first; `None`
/// if there is none.
pub(super) fn replaced(
    content: &[u8],
    tag: &str,
    replace: &mut Replace<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    replaced_in(content, tag, replace, DEEPEST)
}

fn replaced_in(
    content: &[u8],
    tag: &str,
    replace: &mut Replace<'_>,
    depth: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let key = format!("\"{tag}\"").into_bytes();
    let (mut new, mut copied, mut from) = (Vec::new(), 0, 0);
    while let Some(found) = find(&content[from..], &key) {
        let found = from + found;
        from = found + key.len();
        let Some((start, end, tagged)) = object(content, found, key.len()) else {
            continue;
        };
        let value = tagged.value.get().as_bytes();
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(too_deep());
        };
        let inner = replaced_in(value, tag, replace, deeper)?;
        new.extend_from_slice(&content[copied..start]);
        new.extend(replace(&tagged.subject, inner.as_deref().unwrap_or(value))?);
        (copied, from) = (end, end);
    }
    if copied == 0 {
        return Ok(None);
    }
    new.extend_from_slice(&content[copied..]);
    Ok(Some(new))
}

fn find(content: &[u8], key: &[u8]) -> Option<usize> {
    content.windows(key.len()).position(|it| it == key)
}

/// The object whose only key is at `at`: where it starts and ends, and what is in it. In a text the quotes
/// would be escaped, so a key that is found is one.
fn object(content: &[u8], at: usize, length: usize) -> Option<(usize, usize, Tagged<'_>)> {
    let start = content[..at].trim_ascii_end().len().checked_sub(1)?;
    if content[start] != b'{' {
        return None;
    }
    let after = |from: usize, byte: u8| {
        let rest = content.get(from..)?;
        let blank = rest.len() - rest.trim_ascii_start().len();
        (rest.get(blank) == Some(&byte)).then_some(from + blank + 1)
    };
    let inside = after(at + length, b':')?;
    let mut tagged = serde_json::Deserializer::from_slice(&content[inside..]).into_iter();
    let value: Tagged<'_> = tagged.next()?.ok()?;
    let end = after(inside + tagged.byte_offset(), b'}')?;
    Some((start, end, value))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    fn shouted(content: &str) -> Option<String> {
        let mut replace = |subject: &str, value: &[u8]| {
            let value = String::from_utf8_lossy(value).to_uppercase();
            Ok(format!("<{subject} {value}>").into_bytes())
        };
        let replaced = replaced(content.as_bytes(), "$p", &mut replace).unwrap();
        replaced.map(|it| String::from_utf8(it).unwrap())
    }

    #[test]
    fn each_value_is_replaced_and_nothing_else() {
        let one = r#"{"$p":{"subject":"42","value":"ann"}}"#;
        assert_eq!(shouted(one).unwrap(), r#"<42 "ANN">"#);
        let list = format!(
            r#"{{"a":[1.50,{one},{{"b":{one}}}],"n":170141183460469231731687303715884105727}}"#
        );
        let expected = r#"{"a":[1.50,<42 "ANN">,{"b":<42 "ANN">}],"n":170141183460469231731687303715884105727}"#;
        assert_eq!(shouted(&list).unwrap(), expected);
        let blank = r#" { "$p" : { "value" : [ "ann" ] , "subject" : "4\"2" } } "#;
        assert_eq!(shouted(blank).unwrap(), r#" <4"2 [ "ANN" ]> "#);
        let nested = format!(r#"{{"$p":{{"subject":"1","value":{one}}}}}"#);
        assert_eq!(shouted(&nested).unwrap(), r#"<1 <42 "ANN">>"#);
    }

    #[test]
    fn values_that_are_too_deep_in_each_other_are_an_error() {
        let nested = |depth: usize| {
            let open = r#"{"$p":{"subject":"1","value":"#.repeat(depth);
            format!("{open}1{}", "}}".repeat(depth))
        };
        let mut replace = |_: &str, value: &[u8]| Ok(value.to_vec());
        for (depth, is_sound) in [(1, true), (128, true), (129, false), (20_000, false)] {
            let replaced = replaced(nested(depth).as_bytes(), "$p", &mut replace);
            assert_eq!(replaced.is_ok(), is_sound, "{depth}");
        }
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for content in [
            r#""{\"$p\":{\"subject\":\"42\",\"value\":1}}""#,
            r#"["$p",{"$p":1},{"$p":{"subject":"42"}},{"a":0,"$p":{"subject":"42","value":1}}]"#,
            r#"{"$p":{"subject":"42","value":1},"a":0}"#,
            r#"{"$p":{"subject":"42","value":1,"more":2}}"#,
            r#"{"$p":{"subject":"42","value":1}"#,
            r#""$p""#,
            "",
        ] {
            assert_eq!(shouted(content), None, "{content}");
        }
    }
}
