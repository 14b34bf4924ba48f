//! The operation of one endpoint: what it takes and what it answers.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::http::endpoints::endpoint::{Field, ReplyShape, Shape};
use crate::http::endpoints::entry::{EndpointEntry, EndpointKind, parameters_of};
use crate::http::events;
use crate::http::events::field_form::FieldForm;
use crate::http::openapi::schema::{of_body, of_event, of_field, without_null};
use crate::http::openapi::{add_refusal, operation_id, response};
use crate::http::replies::problem::{ProblemKind, title_of};
use crate::message::MessageKind;

/// The operation, at the path as the description has it: its parameters may have the names that another
/// endpoint gives them.
pub(super) fn operation(
    endpoint: &EndpointEntry,
    path: &str,
    schemas: &mut SchemaGenerator,
) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), operation_id(endpoint).into());
    operation.insert("tags".to_owned(), json!([tag(endpoint)]));
    if let Some(summary) = endpoint.docs.lines().next() {
        operation.insert("summary".to_owned(), summary.trim_end_matches('.').into());
        operation.insert("description".to_owned(), endpoint.docs.into());
    }
    operation.insert(
        "parameters".to_owned(),
        parameters(endpoint, path, schemas).into(),
    );
    if endpoint.has_body()
        && let Some(schema) = of_body(endpoint, schemas)
    {
        operation.insert("requestBody".to_owned(), request_body(schema));
    }
    let mut responses = json!(responses(endpoint, schemas));
    refusals(endpoint, &mut responses);
    operation.insert("responses".to_owned(), responses);
    if endpoint.is_deprecated {
        operation.insert("deprecated".to_owned(), true.into());
    }
    operation.into()
}

/// Operations are shown together by the first word of their paths.
fn tag(endpoint: &EndpointEntry) -> &'static str {
    let (_, path) = endpoint.place();
    let mut segments = path
        .split('/')
        .filter(|it| !it.is_empty() && !it.starts_with('{'));
    segments.next().unwrap_or("/")
}

fn request_body(schema: Value) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = required.is_none_or(|required| !required.is_empty());
    json!({ "required": is_required, "content": { "application/json": { "schema": schema } } })
}

fn parameters(endpoint: &EndpointEntry, path: &str, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let fields = match endpoint.shape {
        Shape::Fields(fields) => fields,
        Shape::Opaque => &[],
    };
    let in_path: Vec<_> = endpoint.parameters().zip(parameters_of(path)).collect();
    let is_feed = matches!(endpoint.way, EndpointKind::Feed { .. });
    let mut parameters = Vec::new();
    for field in fields.iter().filter(|field| !field.is_flat) {
        let shown = in_path.iter().find(|(name, _)| *name == field.name);
        if let Some((_, shown)) = shown {
            let schema = of_field(endpoint, field, schemas);
            parameters.push(parameter((shown, "path"), true, schema));
        } else if !is_feed && !endpoint.has_body() {
            let schema = of_field(endpoint, field, schemas);
            parameters.push(parameter((field.name, "query"), !field.is_optional, schema));
        }
    }
    let flat = fields.iter().filter(|field| field.is_flat);
    if !is_feed && !endpoint.has_body() {
        parameters.extend(flat.map(any_other));
    }
    if is_feed {
        let filters = events::filter::names(endpoint).into_iter();
        let filters = filters.filter(|(name, _)| in_path.iter().all(|(it, _)| it != name));
        parameters.extend(filters.map(|(name, form)| filter(&name, form)));
        parameters.push(last_event_id());
    }
    if endpoint.message().kind == MessageKind::Command {
        parameters.push(idempotency_key());
    }
    parameters
}

/// Whatever else the query says, as a map of texts.
fn any_other(field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": "query",
        "required": false,
        "description": field.docs,
        "style": "form",
        "explode": true,
        "schema": { "type": "object", "additionalProperties": { "type": "string" } },
    })
}

fn parameter((name, place): (&str, &str), required: bool, mut schema: Value) -> Value {
    without_null(&mut schema);
    let is_deprecated = schema.get("deprecated") == Some(&Value::Bool(true));
    let mut parameter =
        json!({ "name": name, "in": place, "required": required, "schema": schema });
    if is_deprecated {
        parameter["deprecated"] = true.into();
    }
    parameter
}

/// Shows only events whose field has the value.
fn filter(name: &str, form: FieldForm) -> Value {
    let schema = match form {
        FieldForm::Boolean => json!({ "type": "boolean" }),
        FieldForm::Number => json!({ "type": "number" }),
        FieldForm::Integer { least, most } => bounded(least, most),
        _ => json!({ "type": "string" }),
    };
    json!({
        "name": name,
        "in": "query",
        "required": false,
        "description": format!("Only events whose `{name}` is this"),
        "schema": schema,
    })
}

/// An integer, within what `serde_json` can say of its bounds.
fn bounded(least: i128, most: u128) -> Value {
    let mut schema = json!({ "type": "integer" });
    if let Ok(least) = i64::try_from(least) {
        schema["minimum"] = least.into();
    }
    if let Ok(most) = u64::try_from(most) {
        schema["maximum"] = most.into();
    }
    schema
}

fn last_event_id() -> Value {
    json!({
        "name": "Last-Event-ID",
        "in": "header",
        "required": false,
        "description": "The id of the last event that was seen: the stream goes on behind it",
        "schema": { "type": "string" },
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A request that comes again with the same key is not done again: it gets the first answer",
        "schema": { "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[!-~]+$" },
    })
}

fn responses(endpoint: &EndpointEntry, schemas: &mut SchemaGenerator) -> BTreeMap<String, Value> {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    match &endpoint.way {
        EndpointKind::Call {
            reply,
            problems,
            is_validated,
            ..
        } => {
            let (status, response) = success(endpoint, reply, schemas);
            responses.insert(status.as_str().to_owned(), response);
            if reply.is_optional {
                responses.insert("404".to_owned(), problem("There is none"));
            }
            let problems = problems();
            for (status, description) in described(problems, *is_validated) {
                let kinds = problems.iter().filter(|kind| kind.status == status);
                let response = with_headers(problem(&description), kinds);
                responses.insert(status.to_string(), response);
            }
        }
        EndpointKind::Feed { .. } => {
            responses.insert("200".to_owned(), stream(endpoint, schemas));
        }
    }
    let any = json!({ "$ref": "#/components/responses/Problem" });
    responses.insert("default".to_owned(), any);
    responses
}

/// Adds what is answered before the endpoint is asked, to what it may answer itself.
fn refusals(endpoint: &EndpointEntry, responses: &mut Value) {
    let only_reads = endpoint.method() == "GET";
    let foreign = (!only_reads).then_some(("403", "A page of another origin sent the request"));
    let host = ("421", "The server does not answer for the host");
    for (status, description) in foreign.into_iter().chain([host]) {
        add_refusal(responses, status, description);
    }
}

fn problem(description: &str) -> Value {
    response(description, "Problem")
}

/// Adds the headers that problems of the kinds have.
fn with_headers<'a>(mut response: Value, kinds: impl Iterator<Item = &'a ProblemKind>) -> Value {
    for kind in kinds {
        if kind.www_authenticate.is_some() {
            let header = json!({ "schema": { "type": "string" } });
            response["headers"]["WWW-Authenticate"] = header;
        }
        if kind.retry_after.is_some() {
            let header = json!({ "schema": { "type": "integer", "minimum": 0 } });
            response["headers"]["Retry-After"] = header;
        }
    }
    response
}

/// The status of a message that breaks its rules.
const UNPROCESSABLE: u16 = StatusCode::UNPROCESSABLE_ENTITY.as_u16();

/// The statuses of the problems, each with the titles of those that have it.
fn described(problems: &[ProblemKind], is_validated: bool) -> BTreeMap<u16, String> {
    let mut described: BTreeMap<u16, String> = BTreeMap::new();
    if is_validated {
        let rules = "The message breaks its rules, as `errors` lists";
        described.insert(UNPROCESSABLE, rules.to_owned());
    }
    for problem in problems {
        let status = StatusCode::from_u16(problem.status).unwrap_or_default();
        let title = problem.title.unwrap_or_else(|| title_of(status));
        let titles = described.entry(problem.status).or_default();
        if !titles.is_empty() {
            titles.push_str("; ");
        }
        titles.push_str(title);
    }
    described
}

fn success(
    endpoint: &EndpointEntry,
    reply: &ReplyShape,
    schemas: &mut SchemaGenerator,
) -> (StatusCode, Value) {
    let status = endpoint.success();
    let description = title_of(status);
    let mut answer = json!({ "description": description });
    for header in reply.headers {
        let schema = json!({ "type": "string" });
        answer["headers"][header.name] =
            json!({ "description": header.docs, "required": true, "schema": schema });
    }
    if reply.is_nothing {
        return (status, answer);
    }
    let mut schema = (reply.schema)(schemas).to_value();
    if reply.is_optional {
        without_null(&mut schema);
    }
    answer["content"] = json!({ "application/json": { "schema": schema } });
    (status, answer)
}

/// What OpenAPI calls the schema of a stream is that of each event in it.
fn stream(endpoint: &EndpointEntry, schemas: &mut SchemaGenerator) -> Value {
    let data = |schema: Value| json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": schema });
    let id = json!({ "type": "string", "description": "For `Last-Event-ID`" });
    let event = json!({
        "type": "object",
        "properties": {
            "id": id,
            "event": { "const": "message" },
            "data": data(of_event(endpoint, schemas)),
        },
        "required": ["id", "data"],
    });
    let missed = json!({
        "type": "object",
        "description": "Events were missed: how many, or `null` if that is not known",
        "properties": {
            "id": id,
            "event": { "const": "missed" },
            "data": data(json!({ "type": ["integer", "null"], "minimum": 1 })),
        },
        "required": ["id", "event", "data"],
    });
    json!({
        "description": "A stream of server-sent events, for as long as the client listens",
        "content": { "text/event-stream": { "schema": { "oneOf": [event, missed] } } },
    })
}
