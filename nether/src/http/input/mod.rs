//! From a request to a message: path, query and JSON body fill the fields by name.
//!
//! Nothing here knows of connections or contexts: text and bytes go in, a message or a [`Details`] comes out.
//! The fuzz target `request_to_message` feeds it.

mod map;
mod text;

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use self::map::Fields;
use crate::http::problem::Details;

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
    /// If one is not UTF-8 once it is decoded.
    pub(super) fn path(&mut self, declared: &'a str, path: &'a str) -> Result<(), Details> {
        for (name, value) in declared.split('/').zip(path.split('/')) {
            let name = name.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            if let Some(name) = name {
                self.texts.push((name.into(), decoded(value, "path")?));
            }
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
    pub(super) fn message<M: DeserializeOwned>(&self) -> Result<M, Details> {
        // Where it goes wrong is only looked for once it has.
        M::deserialize(Fields::of(self)).map_err(|error| self.explain::<M>(&error))
    }

    #[cold]
    fn explain<M: DeserializeOwned>(&self, error: &serde_json::Error) -> Details {
        if error.is_syntax() || error.is_eof() {
            let detail = format!("the body is not JSON: {error}");
            return Details::new(StatusCode::BAD_REQUEST, detail);
        }
        let traced = serde_path_to_error::deserialize::<_, M>(Fields::of(self));
        let path = traced.err().map(|error| error.path().to_string());
        // What is missing or unknown has no value with a path; its name is in the error itself.
        let path = path.filter(|path| path != "." && path != "?");
        let detail = match &path {
            Some(path) => format!("`{path}`: {error}"),
            None => error.to_string(),
        };
        let field = path.or_else(|| named_field(&detail));
        Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail).in_field(field)
    }
}

/// The text without its percent signs; `part` is where in the URI it is.
fn decoded<'a>(text: &'a str, part: &str) -> Result<Cow<'a, str>, Details> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| {
        let detail = format!("the {part} of the URI is not UTF-8");
        Details::new(StatusCode::BAD_REQUEST, detail)
    })
}

/// The message that a request is, or the status of its problem. For the fuzz target alone.
pub fn read_message<M: DeserializeOwned>(
    path: &[(&str, &str)],
    query: &str,
    body: &[u8],
) -> Result<M, u16> {
    let mut input = Input {
        body,
        ..Input::default()
    };
    let parameters = path
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    input.texts.extend(parameters);
    let read = input.query(query).and_then(|()| input.message());
    read.map_err(|details| details.status().as_u16())
}

/// The field that an error of serde's names, as in "missing field `id`".
fn named_field(error: &str) -> Option<String> {
    let (_, named) = error.split_once(" field `")?;
    let (name, _) = named.split_once('`')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests;
