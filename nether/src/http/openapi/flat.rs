//! [`flatten`]: the fields of a flattened field stand beside those of the message.

use serde_json::{Map, Value, json};

/// Adds what the schema of a flattened field says to that of the message. Where it says nothing of fields,
/// any field may be there.
pub(super) fn flatten(message: &mut Value, field: Value, is_optional: bool) {
    let Value::Object(message) = message else {
        return;
    };
    let mut field = match field {
        Value::Object(field) => field,
        _ => Map::new(),
    };
    let properties = field.remove("properties");
    let required = field.remove("required");
    let others = field.remove("additionalProperties");
    if let (Some(Value::Object(own)), Some(Value::Object(properties))) =
        (message.get_mut("properties"), properties)
    {
        for (name, schema) in properties {
            own.entry(name).or_insert(schema);
        }
    }
    if let (Some(Value::Array(own)), Some(Value::Array(required)), false) =
        (message.get_mut("required"), required, is_optional)
    {
        own.extend(required);
    }
    // Serde ignores the names that nothing takes; a map says what its values are.
    let others = others
        .filter(|others| *others != false)
        .unwrap_or(json!(true));
    let known = message.insert("additionalProperties".to_owned(), others.clone());
    if known.is_some_and(|known| known != false && known != others) {
        message.insert("additionalProperties".to_owned(), json!(true));
    }
    // An enum says which of several it is.
    let choices = ["oneOf", "anyOf", "allOf"];
    let choices = choices.map(|word| (word, field.remove(word)));
    for (word, schemas) in choices.into_iter().filter(|_| !is_optional) {
        let Some(schemas) = schemas else { continue };
        let all = message.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(json!({ word: schemas }));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::flatten;

    fn flattened(fields: &[(Value, bool)]) -> Value {
        let mut message = json!({
            "type": "object",
            "properties": { "id": { "type": "integer" } },
            "required": ["id"],
            "additionalProperties": false,
        });
        for (field, is_optional) in fields {
            flatten(&mut message, field.clone(), *is_optional);
        }
        message
    }

    fn paging() -> Value {
        json!({
            "type": "object",
            "properties": { "limit": { "type": "integer" } },
            "required": ["limit"],
        })
    }

    #[test]
    fn the_fields_of_a_struct_stand_beside_those_of_the_message() {
        let message = flattened(&[(paging(), false)]);
        assert_eq!(message["properties"]["limit"], json!({ "type": "integer" }));
        assert_eq!(message["required"], json!(["id", "limit"]));
        assert_eq!(message["additionalProperties"], true);
        assert_eq!(flattened(&[(paging(), true)])["required"], json!(["id"]));
    }

    #[test]
    fn a_map_says_what_its_values_are_and_anything_else_may_be_anything() {
        let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        let message = flattened(&[(map.clone(), false)]);
        assert_eq!(message["additionalProperties"], json!({ "type": "string" }));
        let message = flattened(&[(map, false), (paging(), false)]);
        assert_eq!(message["additionalProperties"], true);
        assert_eq!(
            flattened(&[(json!(true), false)])["additionalProperties"],
            true
        );
    }

    #[test]
    fn an_enum_keeps_its_alternatives() {
        let choice = json!({ "oneOf": [{ "type": "object" }, { "type": "object" }] });
        let message = flattened(&[(choice.clone(), false)]);
        assert_eq!(message["allOf"], json!([choice]));
    }
}
