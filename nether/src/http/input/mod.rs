//! From a request to a message: path, query and JSON body fill the fields by name.
//!
//! Nothing here knows of connections or contexts: text and bytes go in, a message or a [`Details`] comes out.
//! The fuzz target `request_to_message` feeds it.

mod any;
pub(super) mod integers;
mod map;
mod names;
mod text;

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::any::Readings;
use self::map::Fields;
pub(super) use self::names::TextNames;
use crate::finite;
use crate::http::endpoints::shape::{Fault, Shape};
use crate::http::replies::problem::Details;

/// What a request has as text: names and values. Those of one name stand together.
pub(super) type Texts<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// What a request says.
#[derive(Debug, Default)]
pub(super) struct Input<'a> {
    pub(super) texts: Texts<'a>,
    /// The body; empty if there is none.
    pub(super) body: &'a [u8],
}

impl<'a> Input<'a> {
    /// Takes in the parameters of the path: what it has where the endpoint's own has a name in braces.
    ///
    /// # Errors
    /// If one is empty, or not UTF-8 once it is decoded.
    pub(super) fn path(&mut self, declared: &'a str, path: &'a str) -> Result<(), Details> {
        for (name, value) in declared.split('/').zip(path.split('/')) {
            let name = name.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            let Some(name) = name else { continue };
            if value.is_empty() {
                let detail = format!("nothing is at `{path}`");
                return Err(Details::new(StatusCode::NOT_FOUND, detail));
            }
            self.texts.push((name.into(), decoded(value, "path")?));
        }
        self.group();
        Ok(())
    }

    /// Takes in the query of the URI.
    ///
    /// # Errors
    /// If it is not UTF-8 once it is decoded.
    pub(super) fn query(&mut self, query: &'a str) -> Result<(), Details> {
        decoded(query, "query")?;
        self.texts.extend(form_urlencoded::parse(query.as_bytes()));
        self.group();
        Ok(())
    }

    /// Brings the values of a name together, in the order they came. There may be thousands.
    fn group(&mut self) {
        self.texts.sort_by(|(left, _), (right, _)| left.cmp(right));
    }

    /// The message that the request is.
    ///
    /// # Errors
    /// What is wrong with the request, and in which field.
    pub(super) fn message<M>(&self, shape: Shape, names: TextNames) -> Result<M, Details>
    where
        M: DeserializeOwned + Serialize,
    {
        let message = match self.read(names, self.body) {
            Ok(message) => message,
            // Where it goes wrong is only looked for once it has.
            Err(error) => self
                .reread(names)
                .ok_or_else(|| self.explain::<M>(&error, shape, names))?,
        };
        if self.may_overflow() {
            check_floats(&message)?;
        }
        Ok(message)
    }

    /// Whether a number may be too large for an `f32`. A text may be, if serde reads it before it knows the
    /// type.
    fn may_overflow(&self) -> bool {
        let mut texts = self.texts.iter();
        integers::may_overflow(self.body) || texts.any(|(_, text)| any::exceeds_f32(text))
    }

    fn read<M: DeserializeOwned>(
        &self,
        names: TextNames,
        body: &[u8],
    ) -> Result<M, serde_json::Error> {
        let readings = Readings::default();
        let fields = |readings| Fields {
            input: self,
            body,
            names,
            readings,
        };
        let mut read = M::deserialize(fields(&readings));
        while read.is_err() && readings.turn() {
            read = match M::deserialize(fields(&readings)) {
                Ok(message) => Ok(message),
                // The first reading is the one that it should have been.
                Err(_) => read,
            };
        }
        read
    }

    /// The message with integers that are written like fractions as integers, if that was all that is wrong.
    #[cold]
    fn reread<M: DeserializeOwned>(&self, names: TextNames) -> Option<M> {
        let body = integers::rewritten(self.body)?;
        self.read(names, &body).ok()
    }

    #[cold]
    fn explain<M: DeserializeOwned>(
        &self,
        error: &serde_json::Error,
        shape: Shape,
        names: TextNames,
    ) -> Details {
        // A number that is too large for its field is JSON all the same.
        let is_range = error.to_string().starts_with("number out of range");
        if (error.is_syntax() || error.is_eof()) && !is_range {
            let detail = format!("the body is not JSON: {error}");
            return Details::new(StatusCode::BAD_REQUEST, detail);
        }
        let traced = serde_path_to_error::deserialize::<_, M>(Fields {
            input: self,
            body: self.body,
            names,
            readings: &Readings::default(),
        });
        let path = traced.err().map(|error| error.path().to_string());
        // A missing or unknown field has no value with a path; its name is in the error itself.
        let path = path.filter(|path| path != "." && path != "?");
        let path = path.or_else(|| self.flat_field(error, shape));
        let detail = match &path {
            Some(path) => format!("`{path}`: {error}"),
            None => error.to_string(),
        };
        let field = path.or_else(|| named_field(&detail));
        Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail).in_field(field)
    }

    /// The field inside of what is flattened at which the error is: serde has kept its value before it knew
    /// the type, so only the type by itself says so.
    fn flat_field(&self, error: &serde_json::Error, shape: Shape) -> Option<String> {
        let Shape::Fields(fields) = shape else {
            return None;
        };
        let error = error.to_string();
        let faults = fields.iter().filter_map(|field| field.explain);
        let mut faults = faults.filter_map(|explain| explain(self.body));
        let is_it = |fault: &Fault| fault.field != "." && same_error(&fault.error, &error);
        faults.find(is_it).map(|fault| fault.field)
    }
}

/// Whether the errors say the same, wherever in the text they are.
fn same_error(left: &str, right: &str) -> bool {
    let said = |error: &'_ str| error.split(" at line ").next().map(str::to_owned);
    said(left) == said(right)
}

/// A number that an `f64` holds and an `f32` does not becomes infinite, which JSON has no number for.
fn check_floats<M: Serialize>(message: &M) -> Result<(), Details> {
    finite::check(message, true).map_err(|not| {
        let detail = format!("`{}`: invalid value: not a finite number", not.field);
        Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail).in_field(Some(not.field))
    })
}

/// The text without its percent signs; `part` is where in the URI it is.
fn decoded<'a>(text: &'a str, part: &str) -> Result<Cow<'a, str>, Details> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| {
        let detail = format!("the {part} of the URI is not UTF-8");
        Details::new(StatusCode::BAD_REQUEST, detail)
    })
}

/// The field that an error of serde's names, as in "missing field `id`".
fn named_field(error: &str) -> Option<String> {
    let (_, named) = error.split_once(" field `")?;
    let (name, _) = named.split_once('`')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests;
