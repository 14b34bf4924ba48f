//! `/openapi.json`: the description of the API (OpenAPI 3.1), made of what the messages declare.
//!
//! Routes that are written by hand are not in it: axum does not say what they take and return.

mod flat;
mod operation;
mod schema;
mod security;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use self::operation::operation;
use self::schema::{bound, schemas};
use crate::http::endpoints::entry::EndpointEntry;
use crate::http::endpoints::presence::present;
use crate::http::server::settings::ServerSettings;
use crate::system::System;

/// The description of all endpoints that are served.
pub(super) fn document(system: &System, settings: &ServerSettings) -> Value {
    let mut schemas = schemas();
    // Before all others: another type of this name gets another one.
    schemas.subschema_for::<ProblemSchema>();
    // By place: two paths that differ in the names of their parameters alone are one.
    let mut places: BTreeMap<String, (&str, Map<String, Value>)> = BTreeMap::new();
    for endpoint in present(system) {
        let (_, path) = endpoint.place();
        let method = endpoint.method().to_ascii_lowercase();
        let place = places.entry(endpoint.path_template());
        let (path, operations) = place.or_insert_with(|| (path, Map::new()));
        let mut operation = operation(endpoint, path, &mut schemas);
        if let Some(authenticator) = &settings.authenticator {
            security::secure(&mut operation, endpoint.message().access, authenticator);
        }
        operations.insert(method, operation);
    }
    let paths: BTreeMap<_, _> = places.into_values().collect();
    let components = schemas.take_definitions(true);
    let (title, version) = &settings.title;
    let mut document = json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": { "title": title, "version": version },
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": { "Problem": response("The request failed; `detail` says why", "Problem") },
        },
    });
    if let Some(authenticator) = &settings.authenticator {
        document["components"]["securitySchemes"] = security::schemes(authenticator);
    }
    bound(&mut document);
    document
}

/// A problem that is answered.
fn response(description: &str, schema: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": schema } },
    })
}

/// Adds a refusal to the responses of an operation; or to the description of the response with that status.
fn add_refusal(responses: &mut Value, status: &str, description: &str) {
    match responses.get_mut(status) {
        Some(known) => {
            let before = known["description"].as_str().unwrap_or_default();
            known["description"] = format!("{before}; {description}").into();
        }
        None => responses[status] = response(description, "Problem"),
    }
}

/// Problem details (RFC 9457), as a schema.
struct ProblemSchema;

impl JsonSchema for ProblemSchema {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Problem").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Problem details (RFC 9457)",
            "properties": {
                "type": { "type": "string", "format": "uri-reference", "description": "What kind of problem it is" },
                "title": { "type": "string", "description": "What problems of this kind are called" },
                "status": { "type": "integer", "minimum": 400, "maximum": 599 },
                "detail": { "type": "string", "description": "What is wrong with this request" },
                "field": { "type": "string", "description": "In which field it is" },
                "errors": {
                    "type": "array",
                    "description": "All rules of the message that it breaks",
                    "maxItems": 64,
                    "items": {
                        "type": "object",
                        "properties": {
                            "field": { "type": "string", "description": "The path of the field, such as `items[0].count`" },
                            "detail": { "type": "string", "description": "What is wrong with it" },
                        },
                        "required": ["detail"],
                    },
                },
                "request_id": { "type": "string", "description": "What the request is called in the log" },
            },
            "required": ["type", "title", "status", "request_id"],
        })
    }
}

/// What an endpoint is called, for generated clients: the name of its message.
fn operation_id(endpoint: &EndpointEntry) -> String {
    endpoint.message().name().replace("::", ".")
}
