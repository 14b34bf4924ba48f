//! Events, after they have changed.

// Serde reads and skips fields that nothing else looks at.
#![allow(dead_code)]

use crate::events::nest;
use crate::events::parts::{self, Address};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "after.cased")]
#[serde(rename_all = "snake_case")]
pub enum Cased {
    InStock(u32),
    SoldOut,
}
#[event(name = "after.cased_field")]
#[serde(rename_all = "camelCase")]
pub struct CasedField {
    pub order_id: u32,
}
#[event(name = "after.cased_fields")]
#[serde(rename_all_fields = "camelCase")]
pub enum CasedFields {
    Placed { order_id: u32 },
}
#[event(name = "after.tagged")]
#[serde(tag = "type")]
pub enum Tagged {
    A { x: u32 },
    B { y: u32 },
}
#[event(name = "after.with_content")]
#[serde(tag = "type", content = "of")]
pub enum WithContent {
    A { x: u32 },
    B { y: u32 },
}
#[event(name = "after.untagged")]
#[serde(untagged)]
pub enum Untagged {
    A { x: u32 },
    B { y: u32 },
}
#[event(name = "after.flat")]
pub struct Flat {
    pub who: u32,
    #[serde(flatten)]
    pub to: Address,
}
#[event(name = "after.no_more_flat")]
pub struct NoMoreFlat {
    pub who: u32,
    pub to: Address,
}
#[event(name = "after.by_function")]
pub struct ByFunction {
    #[serde(with = "parts::text")]
    pub cents: u64,
}
#[event(name = "after.not_written")]
pub struct NotWritten {
    pub cents: u64,
    #[serde(skip_serializing, default)]
    pub by: String,
}
#[event(name = "after.skipped")]
pub struct Skipped {
    pub cents: u64,
    #[serde(skip)]
    pub by: String,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Unit {
    Item,
    Kilogram,
}
#[event(name = "after.inside")]
pub struct Inside {
    pub units: Vec<Option<Unit>>,
}
#[event(name = "after.new_type")]
pub struct NewType {
    #[serde(rename = "0")]
    pub n: u32,
}
#[event(name = "after.pair")]
pub struct Pair(pub u32, pub u32, pub u32);
#[event(name = "after.transparent")]
pub struct Transparent {
    pub n: u32,
}
#[event(name = "after.gone")]
pub struct Gone {
    pub n: u32,
}
#[event(name = "after.defaulted")]
#[serde(default)]
#[derive(Default)]
pub struct Defaulted {
    pub n: u32,
    pub remark: String,
}
#[event(name = "after.needed")]
pub struct Needed {
    pub n: u32,
    pub by: String,
}
#[event(name = "after.no_more_optional")]
pub struct NoMoreOptional {
    pub n: u32,
}
#[event(name = "after.no_more_default")]
pub struct NoMoreDefault {
    pub n: u32,
}
#[event(name = "after.retyped")]
pub struct Retyped {
    pub n: String,
}
#[event(name = "after.narrowed")]
pub struct Narrowed {
    pub n: u32,
}
#[event(name = "after.unsigned")]
pub struct Unsigned {
    pub n: u32,
}
#[event(name = "after.rounded")]
pub struct Rounded {
    pub n: f64,
}
#[event(name = "after.less_exact")]
pub struct LessExact {
    pub n: f32,
}
#[event(name = "after.variant_gone")]
pub enum VariantGone {
    A,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum UnitOrOther {
    Piece,
    #[serde(other)]
    Other,
}
#[event(name = "after.variant_other")]
pub struct VariantOther {
    pub unit: UnitOrOther,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Number(u32);
impl TryFrom<String> for Number {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Number)
    }
}
impl From<Number> for String {
    fn from(number: Number) -> String {
        number.0.to_string()
    }
}
#[event(name = "after.parsed")]
pub struct Parsed {
    pub n: Number,
}
#[event(name = "after.denied")]
#[serde(deny_unknown_fields)]
pub struct Denied {
    pub n: u32,
}

#[event(name = "after.kept_name")]
pub enum KeptName {
    #[serde(rename = "Old")]
    New,
    Other,
}
#[event(name = "after.more_variants")]
pub enum MoreVariants {
    A,
    B,
    C,
}
#[event(name = "after.alias")]
pub struct Alias {
    #[serde(alias = "cents")]
    pub amount: u64,
    #[serde(alias = "note")]
    pub remark: Option<String>,
    #[serde(alias = "is_paid")]
    pub is_settled: bool,
}
#[event(name = "after.variant_alias")]
pub enum VariantAlias {
    #[serde(alias = "Old")]
    New,
    #[serde(alias = "Full")]
    Whole { n: u32 },
}
#[event(name = "after.optional_gone")]
pub struct OptionalGone {
    pub n: u32,
}
#[event(name = "after.wider")]
pub struct Wider {
    pub n: u64,
    pub f: f64,
    pub exact: f64,
}
#[event(name = "after.extended")]
pub struct Extended {
    pub n: u32,
    pub by: Option<String>,
    #[serde(default)]
    pub more: Vec<Address>,
}
#[event(name = "after.ordered")]
pub struct Ordered {
    pub b: String,
    pub a: u32,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Count(u32);
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    pub street: String,
    pub town: String,
}
#[event(name = "after.wrapped")]
pub struct Wrapped {
    pub n: Count,
    pub address: Place,
}
#[event(name = "after.strict")]
#[serde(deny_unknown_fields)]
pub struct Strict {
    pub n: u32,
    pub note: Option<String>,
    pub more: Option<u32>,
}
#[event(name = "after.now_optional")]
pub struct NowOptional {
    pub n: Option<u32>,
}

#[event(name = "after.packed")]
pub struct Packed {
    pub from: String,
}

#[event(name = "after.one")]
pub struct One {
    pub n: [u32; 1],
}
#[event(name = "after.distinct")]
pub struct Distinct {
    pub n: std::collections::BTreeSet<u32>,
}
#[event(name = "after.never_zero")]
pub struct NeverZero {
    pub n: Vec<std::num::NonZeroU16>,
}
#[event(name = "after.never_empty")]
pub struct NeverEmpty {
    #[serde(deserialize_with = "parts::not_empty")]
    pub word: String,
}
#[event(name = "after.one_form")]
pub struct OneForm {
    pub from: std::net::Ipv4Addr,
}
#[event(name = "after.merged")]
pub enum Merged {
    #[serde(alias = "Old")]
    Other,
    Third,
}
#[event(name = "after.nested")]
pub struct Nested {
    pub nested: nest::after::Outer,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Same {
    pub a: Option<u32>,
    pub b: u32,
}
#[event(name = "after.same_forms")]
pub struct SameForms {
    #[serde(flatten)]
    pub same: Same,
}
