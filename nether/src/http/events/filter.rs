//! [`EventFilter`]: which events a client of a stream wants, by the fields that events are written with.

use std::borrow::Cow;

use axum::http::{StatusCode, Uri};
use serde_json::value::RawValue;

use crate::http::endpoints::endpoint::Shape;
use crate::http::endpoints::entry::{EndpointEntry, EndpointKind};
use crate::http::events::feed::EventFields;
use crate::http::events::field_form::FieldForm;
use crate::http::input::Input;
use crate::http::replies::problem::Details;

/// The most values that a client may filter by: each is looked at for each event.
const VALUES: usize = 100;

/// Which events a client wants: those whose fields have these values. The values of one field stand together:
/// any of them may match.
#[derive(Debug, Default)]
pub(crate) struct EventFilter(Vec<(String, FilterValue)>);

/// What a field has to be.
#[derive(Debug)]
struct FilterValue {
    text: String,
    /// The value of a field that is written as a number, which may have several spellings.
    number: Option<f64>,
}

impl EventFilter {
    /// The filter that path and query are.
    ///
    /// # Errors
    /// If a value can never match, or there are too many.
    pub(crate) fn of(endpoint: &EndpointEntry, uri: &Uri) -> Result<Self, Details> {
        let (_, declared) = endpoint.place();
        let mut input = Input::default();
        if let Some(query) = uri.query() {
            input.query(query)?;
        }
        // The values of one field are alternatives; what the path says is not to be widened.
        if let Some(name) = endpoint.parameters().find(|name| has(&input, name)) {
            let detail = format!("the field `{name}` is given in the path already");
            return Err(refusal(name, detail));
        }
        input.path(declared, uri.path())?;
        if input.texts.len() > VALUES {
            let detail = format!("more than {VALUES} values to filter by");
            return Err(Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        let values = input.texts.into_iter().map(|(name, text)| {
            let value = value(endpoint, &name, text)?;
            Ok((name.into_owned(), value))
        });
        Ok(EventFilter(values.collect::<Result<_, Details>>()?))
    }

    #[cfg(test)]
    pub(crate) fn by(name: &str, text: &str) -> Self {
        let (text, number) = (text.to_owned(), None);
        EventFilter(vec![(name.to_owned(), FilterValue { text, number })])
    }

    /// Whether the event has, in each of the fields, one of the values.
    pub(crate) fn wants(&self, event: &EventFields) -> bool {
        let mut fields = self.0.chunk_by(|(left, _), (right, _)| left == right);
        fields.all(|values| {
            let mut values = values.iter();
            values.any(|(name, value)| event.get(name).is_some_and(|field| value.is(field)))
        })
    }
}

impl FilterValue {
    fn is(&self, field: &RawValue) -> bool {
        let json = field.get();
        match json.as_bytes() {
            [b'"', ..] => serde_json::from_str::<String>(json).is_ok_and(|it| it == self.text),
            [b'{' | b'[' | b'n', ..] => false, // An object, an array, null.
            _ if json == self.text => true,
            _ => self.number.is_some() && json.parse().ok() == self.number,
        }
    }
}

/// The fields that a client may filter by, and what they look like.
pub(crate) fn names(endpoint: &EndpointEntry) -> Vec<(Cow<'static, str>, FieldForm)> {
    let unknown = |name: &&'static str| (Cow::Borrowed(*name), FieldForm::Unknown);
    let Shape::Fields(fields) = endpoint.shape else {
        return match form(endpoint) {
            FieldForm::Object(names) => names.iter().map(unknown).collect(),
            _ => Vec::new(),
        };
    };
    let mut known = Vec::new();
    for field in fields {
        match ((field.form)(), field.is_flat) {
            (form, false) if form.is_simple() => known.push((Cow::Borrowed(field.name), form)),
            (FieldForm::Object(names), true) => known.extend(names.iter().map(unknown)),
            _ => {}
        }
    }
    known
}

/// What the event itself looks like.
fn form(endpoint: &EndpointEntry) -> FieldForm {
    match endpoint.way {
        EndpointKind::Feed { form, .. } => form(),
        EndpointKind::Call { .. } => FieldForm::Unknown,
    }
}

/// The value to filter by, as it has to be in the event.
fn value(endpoint: &EndpointEntry, name: &str, text: Cow<'_, str>) -> Result<FilterValue, Details> {
    let form = form_of(endpoint, name)?;
    let plain = |text: String| FilterValue { text, number: None };
    let refused = |what: &str| {
        let detail = format!("the field `{name}` of the event is {what}: no event would match");
        Err(refusal(name, detail))
    };
    match form {
        FieldForm::Boolean if text != "true" && text != "false" => {
            refused("either `true` or `false`")
        }
        FieldForm::Integer { least, most } => match integer(&text, least, most) {
            Some(canonical) => Ok(plain(canonical)),
            None => refused(&format!("an integer from {least} to {most}")),
        },
        FieldForm::Number => match text.parse::<f64>().ok().filter(|it| it.is_finite()) {
            Some(number) => Ok(FilterValue {
                text: text.into_owned(),
                number: Some(number),
            }),
            None => refused("a number"),
        },
        _ => Ok(plain(text.into_owned())),
    }
}

/// The integer as JSON has it, if it is in the bounds.
fn integer(text: &str, least: i128, most: u128) -> Option<String> {
    if let Ok(number) = text.parse::<u128>() {
        return (number <= most).then(|| number.to_string());
    }
    let number = text.parse::<i128>().ok()?;
    (number >= least).then(|| number.to_string())
}

/// What the field of that name looks like.
///
/// # Errors
/// If the event has no such field, or none that could match.
fn form_of(endpoint: &EndpointEntry, name: &str) -> Result<FieldForm, Details> {
    let known = names(endpoint);
    if let Some((_, form)) = known.iter().find(|(known, _)| known == name) {
        return Ok(*form);
    }
    let detail = match endpoint.shape {
        Shape::Opaque if form(endpoint) == FieldForm::Unknown => return Ok(FieldForm::Unknown),
        Shape::Fields(fields) if fields.iter().any(|it| it.name == name) => {
            format!(
                "the field `{name}` of the event is neither a text nor a number nor a boolean, so no event would match"
            )
        }
        _ => format!("the event has no field `{name}` to filter by"),
    };
    let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
    let detail = match names.as_slice() {
        [] => detail,
        names => format!("{detail}; it can be filtered by {}", names.join(", ")),
    };
    Err(refusal(name, detail))
}

fn has(input: &Input<'_>, name: &str) -> bool {
    input.texts.iter().any(|(given, _)| given == name)
}

fn refusal(name: &str, detail: String) -> Details {
    let details = Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    details.in_field(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{FilterValue, integer};

    #[test]
    fn a_number_is_the_same_however_it_is_spelled() {
        let value = FilterValue {
            text: "1.50".to_owned(),
            number: Some(1.5),
        };
        let is = |json: &str| value.is(&RawValue::from_string(json.to_owned()).unwrap());
        assert!(is("1.5") && is("15e-1") && !is("1.6") && !is("null"));
        assert_eq!(integer("+007", 0, 9), Some("7".to_owned()));
        assert_eq!(integer("-0", i128::MIN, 9), Some("0".to_owned()));
        assert_eq!(integer("10", 0, 9), None);
        assert_eq!(integer("-1", 0, 9), None);
        let most = u128::MAX;
        assert_eq!(integer(&most.to_string(), 0, most), Some(most.to_string()));
    }
}
