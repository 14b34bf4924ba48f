//! [`Probe`]: what is known of a type that need not implement anything: whether it is an `Option`, its JSON
//! schema, its problems.
//!
//! An inherent item goes before a trait's of the same name, and is there only for types that meet its bounds.
//! So `Probe::<T>::IS_OPTION`, written where `T` is known and [`Otherwise`] is in scope, is the inherent one
//! if `T` is an `Option`, and `Otherwise`'s for every other type: specialisation as stable Rust has it, for
//! generated code alone.

#![allow(missing_docs)] // Not public API. Used by generated code.

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::http::endpoints::endpoint::{ReplyHeader, ReplyHeaders};
use crate::http::endpoints::shape::Fault;
use crate::http::events::field_form::{FieldForm, form_of};
use crate::http::replies::problem::{Details, Problem, ProblemKind};

/// Asks about `T`; never made.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T> Probe<Option<T>> {
    pub const IS_OPTION: bool = true;
}

impl Probe<()> {
    pub const IS_NOTHING: bool = true;
}

impl<T: JsonSchema> Probe<T> {
    /// Its schema, as a part of a document.
    pub fn schema(schemas: &mut SchemaGenerator) -> Schema {
        schemas.subschema_for::<T>()
    }

    /// Its schema in full, for a place that others share.
    pub fn in_full(schemas: &mut SchemaGenerator) -> Schema {
        T::json_schema(schemas)
    }

    /// Its schema in full.
    pub fn own_schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(T::json_schema(schemas))
    }
}

impl<T: DeserializeOwned> Probe<T> {
    /// Finds the fault in a body that is read as this type alone.
    pub fn explain(body: &[u8]) -> Option<Fault> {
        let mut body = serde_json::Deserializer::from_slice(body);
        let error = serde_path_to_error::deserialize::<_, T>(&mut body).err()?;
        Some(Fault {
            field: error.path().to_string(),
            error: error.inner().to_string(),
        })
    }

    /// What it looks like in JSON.
    pub fn form() -> FieldForm {
        form_of::<T>()
    }
}

impl<E: Problem> Probe<E> {
    pub fn problems() -> &'static [ProblemKind] {
        E::KINDS
    }

    /// Whether it is for the sender to do better.
    pub fn is_refusal(error: &E) -> bool {
        (400..500).contains(&error.kind().status)
    }

    pub fn problem(error: &E) -> Option<Details> {
        Some(Details::of(error))
    }
}

/// The answers of [`Probe`] for a type that implements none of the traits it asks about.
pub trait Otherwise {
    /// What it is asked about.
    type About;
    const IS_OPTION: bool = false;
    const IS_NOTHING: bool = false;
    const STATUS: Option<u16> = None;
    const HEADERS: &'static [ReplyHeader] = &[];

    /// Anything.
    fn schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }

    /// Anything.
    fn in_full(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }

    fn explain(_: &[u8]) -> Option<Fault> {
        None
    }

    fn own_schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn form() -> FieldForm {
        FieldForm::Unknown
    }

    fn headers(_: &Self::About) -> Option<ReplyHeaders> {
        None
    }

    fn problems() -> &'static [ProblemKind] {
        &[]
    }

    fn is_refusal(_: &Self::About) -> bool {
        false
    }

    fn problem(_: &Self::About) -> Option<Details> {
        None
    }
}

impl<T> Otherwise for Probe<T> {
    type About = T;
}
