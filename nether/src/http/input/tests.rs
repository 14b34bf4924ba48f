//! What requests become.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Input, TextNames};
use crate::http::endpoints::shape::Shape;
use crate::http::replies::problem::Details;

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Order {
    id: u64,
    #[serde(default)]
    express: bool,
    note: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    kind: Kind,
}

#[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Letter,
    Parcel,
}

fn order(id: u64) -> Order {
    Order {
        id,
        express: false,
        note: None,
        tags: Vec::new(),
        kind: Kind::Letter,
    }
}

fn read<'a, M: serde::de::DeserializeOwned + serde::Serialize>(
    path: &'a [(&'a str, &'a str)],
    query: &'a str,
    body: &'a str,
) -> Result<M, Details> {
    let mut input = Input {
        body: body.as_bytes(),
        ..Input::default()
    };
    let parameters = path
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    input.texts.extend(parameters);
    input.query(query)?;
    input.message(Shape::Fields(&[]), TextNames::All)
}

fn refused(path: &[(&str, &str)], query: &str, body: &str) -> Details {
    read::<Order>(path, query, body).unwrap_err()
}

#[test]
fn path_query_and_body_are_one_map() {
    let read = read::<Order>(&[("id", "7")], "tags=a&tags=b", r#"{"note":"n"}"#);
    let expected = Order {
        note: Some("n".into()),
        tags: vec!["a".into(), "b".into()],
        ..order(7)
    };
    assert_eq!(read.unwrap(), expected);
}

#[test]
fn text_is_read_as_the_type_of_its_field() {
    let read = read::<Order>(&[], "id=7&express=true&note=a%20b+c&tags=x&kind=parcel", "");
    let expected = Order {
        express: true,
        note: Some("a b c".into()),
        tags: vec!["x".into()],
        kind: Kind::Parcel,
        ..order(7)
    };
    assert_eq!(read.unwrap(), expected);
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Weight {
    Kilograms(f32),
    Named(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Weighed {
    weight: Weight,
}

#[test]
fn a_text_that_an_f32_cannot_hold_is_refused_wherever_it_is_read() {
    let read = |query| read::<Weighed>(&[], query, "");
    assert!(matches!(
        read("weight=3e38").unwrap().weight,
        Weight::Kilograms(_)
    ));
    assert!(matches!(
        read("weight=heavy").unwrap().weight,
        Weight::Named(_)
    ));
    for query in [
        "weight=1e39",
        "weight=-400000000000000000000000000000000000000",
    ] {
        let details = read(query).unwrap_err();
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        check_refused(
            &details,
            status,
            "`weight`: invalid value: not a finite number",
        );
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (query, body, said, field) in [
        (
            "id=seven",
            "",
            "`id`: invalid value: \"seven\", expected u64",
            "id",
        ),
        (
            "id=1&id=2",
            "",
            "`id`: given 2 times, but it is one value",
            "id",
        ),
        ("", "{}", "missing field `id`", "id"),
        ("", "", "missing field `id`", "id"),
        ("id=1&nope=2", "", "unknown field `nope`, expected", "nope"),
        (
            "",
            r#"{"id":1,"nope":2}"#,
            "unknown field `nope`, expected",
            "nope",
        ),
        ("id=1", r#"{"id":1}"#, "duplicate field `id`", "id"),
        ("", r#"{"id":"1"}"#, "`id`: invalid type: string", "id"),
        (
            "",
            r#"{"id":1,"tags":[1]}"#,
            "`tags[0]`: invalid type: integer",
            "tags[0]",
        ),
        ("id=1&kind=bird", "", "unknown variant `bird`", "kind"),
    ] {
        let details = refused(&[], query, body);
        assert_eq!(details.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let shown = format!("{details:?}");
        assert!(
            shown.contains(&format!("{said:?}")[1..said.len()]),
            "{shown}"
        );
        assert!(
            shown.contains(&format!("fault: Field({field:?})")),
            "{shown}"
        );
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Bare;

fn check_refused(details: &Details, status: StatusCode, said: &str) {
    assert_eq!(details.status(), status, "{details:?}");
    assert!(format!("{details:?}").contains(said), "{details:?}");
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in ["[1]", "7", "null", " \"id\""] {
        let details = refused(&[], "", body);
        let said = "\"the body must be a JSON object\"";
        check_refused(&details, StatusCode::UNPROCESSABLE_ENTITY, said);
    }
}

#[test]
fn a_message_without_fields_is_nothing_or_an_object_of_nothing() {
    for body in ["", "{}", " { } ", "null"] {
        read::<Bare>(&[], "", body).unwrap();
    }
    for (query, body, status, said) in [
        ("", "[]", 422, "the body must be a JSON object"),
        ("", "{\"a\":1}", 422, "unknown field `a`"),
        ("a=1", "", 422, "unknown field `a`"),
        ("a=1", "null", 422, "the body must be a JSON object"),
        ("", "{", 400, "not JSON"),
        ("", "{}{", 400, "not JSON"),
        ("", "nothing", 400, "not JSON"),
    ] {
        let details = read::<Bare>(&[], query, body).unwrap_err();
        let status = StatusCode::from_u16(status).unwrap();
        check_refused(&details, status, said);
    }
}

#[test]
fn what_is_no_json_is_a_bad_request() {
    for body in ["{", "{\"id\":1} x", "\u{0}", "{\"id\":1,}"] {
        let details = refused(&[], "", body);
        assert_eq!(details.status(), StatusCode::BAD_REQUEST, "{details:?}");
    }
}

#[test]
fn a_query_that_is_not_utf8_is_a_bad_request() {
    let details = refused(&[], "id=%ff", "");
    assert_eq!(details.status(), StatusCode::BAD_REQUEST);
}
