//! Schemas of fields and messages.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::http::endpoints::endpoint::{Field, Shape};
use crate::http::endpoints::entry::EndpointEntry;
use crate::http::openapi::flat::flatten;

/// Collects the schemas of named types, for `#/components/schemas`.
pub(super) fn schemas() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings.into_generator()
}

/// Says of integers what their formats imply, and tools do not know: how large they may be. `schemars` says
/// it of those of up to 16 bits.
pub(super) fn bound(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let format = object.get("format").and_then(Value::as_str);
            let bounds: Option<(Value, Value)> = match format {
                Some("int32") => Some((i32::MIN.into(), i32::MAX.into())),
                Some("uint32") => Some((u32::MIN.into(), u32::MAX.into())),
                Some("int64" | "int") => Some((i64::MIN.into(), i64::MAX.into())),
                Some("uint64" | "uint") => Some((u64::MIN.into(), u64::MAX.into())),
                _ => None,
            };
            if let Some((minimum, maximum)) = bounds {
                object.entry("minimum").or_insert(minimum);
                object.entry("maximum").or_insert(maximum);
            }
            object.values_mut().for_each(bound);
        }
        Value::Array(values) => values.iter_mut().for_each(bound),
        _ => {}
    }
}

/// The schema of a field, with what it is for: what the message's own schema says of it, which knows the
/// attributes of the field, or else the schema of its type.
pub(super) fn of_field(
    endpoint: &EndpointEntry,
    field: &Field,
    schemas: &mut SchemaGenerator,
) -> Value {
    let own = (endpoint.schema)(schemas);
    let own = own.and_then(|schema| {
        schema
            .get("properties")?
            .get(field.name)?
            .clone()
            .try_into()
            .ok()
    });
    let schema = own.unwrap_or_else(|| (field.schema)(schemas));
    let mut schema = described(schema, field.docs);
    if field.is_deprecated
        && let Value::Object(schema) = &mut schema
    {
        schema.insert("deprecated".to_owned(), true.into());
    }
    schema
}

/// Removes `null` from a schema: an absent query parameter is omitted, and a `None` reply is a 404.
pub(super) fn without_null(schema: &mut Value) {
    let Value::Object(object) = schema else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|it| it != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(schemas)) = object.get_mut("anyOf") {
        schemas.retain(|it| it.get("type").is_none_or(|it| it != "null"));
        if let [Value::Object(one)] = schemas.as_slice() {
            let one = one.clone();
            object.remove("anyOf");
            object.extend(one);
        }
    }
}

/// The schema, with a description that it has not.
fn described(mut schema: Schema, docs: &str) -> Value {
    if !docs.is_empty() {
        let object = schema.ensure_object();
        object.entry("description").or_insert_with(|| docs.into());
    }
    schema.to_value()
}

/// The schema of the body of a request: the fields that are not in the path. `None` if there is nothing to
/// say in it.
pub(super) fn of_body(endpoint: &EndpointEntry, schemas: &mut SchemaGenerator) -> Option<Value> {
    let parameters: Vec<_> = endpoint.parameters().collect();
    of_message(endpoint, &parameters, schemas)
}

/// The schema of an event, with all its fields.
pub(super) fn of_event(endpoint: &EndpointEntry, schemas: &mut SchemaGenerator) -> Value {
    of_message(endpoint, &[], schemas).unwrap_or_else(|| json!({}))
}

fn of_message(
    endpoint: &EndpointEntry,
    without: &[&str],
    schemas: &mut SchemaGenerator,
) -> Option<Value> {
    let Shape::Fields(fields) = endpoint.shape else {
        let schema = (endpoint.schema)(schemas).unwrap_or_default();
        return Some(described(schema, endpoint.docs));
    };
    let fields = fields.iter().filter(|it| !without.contains(&it.name));
    let fields: Vec<_> = fields.collect();
    if fields.is_empty() {
        return None;
    }
    let flat = fields.iter().filter(|field| field.is_flat);
    let flat: Vec<_> = flat
        .map(|it| (*it, (it.schema)(schemas).to_value()))
        .collect();
    let named = fields.iter().filter(|field| !field.is_flat);
    let required: Vec<_> = named
        .clone()
        .filter(|it| !it.is_optional)
        .map(|it| it.name)
        .collect();
    let properties: Map<String, Value> = named
        .map(|field| (field.name.to_owned(), of_field(endpoint, field, schemas)))
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    for (field, of_field) in flat {
        flatten(&mut schema, of_field, field.is_optional);
    }
    Some(schema)
}
