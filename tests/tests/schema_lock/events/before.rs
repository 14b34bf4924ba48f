//! Events, before they change.

use crate::events::nest;
use crate::events::parts::Address;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "before.cased")]
pub enum Cased {
    InStock(u32),
    SoldOut,
}
#[event(name = "before.cased_field")]
pub struct CasedField {
    pub order_id: u32,
}
#[event(name = "before.cased_fields")]
pub enum CasedFields {
    Placed { order_id: u32 },
}
#[event(name = "before.tagged")]
pub enum Tagged {
    A { x: u32 },
    B { y: u32 },
}
#[event(name = "before.with_content")]
#[serde(tag = "type")]
pub enum WithContent {
    A { x: u32 },
    B { y: u32 },
}
#[event(name = "before.untagged")]
pub enum Untagged {
    A { x: u32 },
    B { y: u32 },
}
#[event(name = "before.flat")]
pub struct Flat {
    pub who: u32,
    pub to: Address,
}
#[event(name = "before.no_more_flat")]
pub struct NoMoreFlat {
    pub who: u32,
    #[serde(flatten)]
    pub to: Address,
}
#[event(name = "before.by_function")]
pub struct ByFunction {
    pub cents: u64,
}
#[event(name = "before.not_written")]
pub struct NotWritten {
    pub cents: u64,
    pub by: String,
}
#[event(name = "before.skipped")]
pub struct Skipped {
    pub cents: u64,
    pub by: String,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Unit {
    Piece,
    Kilo,
}
#[event(name = "before.inside")]
pub struct Inside {
    pub units: Vec<Option<Unit>>,
}
#[event(name = "before.new_type")]
pub struct NewType(pub u32);
#[event(name = "before.pair")]
pub struct Pair(pub u32, pub u32);
#[event(name = "before.transparent")]
#[serde(transparent)]
pub struct Transparent {
    pub n: u32,
}
#[event(name = "before.gone")]
pub struct Gone {
    pub n: u32,
    pub note: String,
}
#[event(name = "before.defaulted")]
pub struct Defaulted {
    pub n: u32,
    pub note: String,
}
#[event(name = "before.needed")]
pub struct Needed {
    pub n: u32,
}
#[event(name = "before.no_more_optional")]
pub struct NoMoreOptional {
    pub n: Option<u32>,
}
#[event(name = "before.no_more_default")]
pub struct NoMoreDefault {
    #[serde(default)]
    pub n: u32,
}
#[event(name = "before.retyped")]
pub struct Retyped {
    pub n: u64,
}
#[event(name = "before.narrowed")]
pub struct Narrowed {
    pub n: u64,
}
#[event(name = "before.unsigned")]
pub struct Unsigned {
    pub n: i32,
}
#[event(name = "before.rounded")]
pub struct Rounded {
    pub n: u64,
}
#[event(name = "before.less_exact")]
pub struct LessExact {
    pub n: f64,
}
#[event(name = "before.variant_gone")]
pub enum VariantGone {
    A,
    B,
}
#[event(name = "before.variant_other")]
pub struct VariantOther {
    pub unit: Unit,
}
#[event(name = "before.parsed")]
pub struct Parsed {
    pub n: u32,
}
#[event(name = "before.denied")]
pub struct Denied {
    pub n: u32,
    pub note: Option<String>,
}

#[event(name = "before.kept_name")]
pub enum KeptName {
    Old,
    Other,
}
#[event(name = "before.more_variants")]
pub enum MoreVariants {
    A,
    B,
}
#[event(name = "before.alias")]
pub struct Alias {
    pub cents: u64,
    pub note: Option<String>,
    pub is_paid: bool,
}
#[event(name = "before.variant_alias")]
pub enum VariantAlias {
    Old,
    Full { n: u32 },
}
#[event(name = "before.optional_gone")]
pub struct OptionalGone {
    pub n: u32,
    pub note: Option<String>,
}
#[event(name = "before.wider")]
pub struct Wider {
    pub n: u32,
    pub f: f32,
    pub exact: u32,
}
#[event(name = "before.extended")]
pub struct Extended {
    pub n: u32,
}
#[event(name = "before.ordered")]
pub struct Ordered {
    pub a: u32,
    pub b: String,
}
#[event(name = "before.wrapped")]
pub struct Wrapped {
    pub n: u32,
    pub address: Address,
}
#[event(name = "before.strict")]
pub struct Strict {
    pub n: u32,
    pub note: Option<String>,
}
#[event(name = "before.now_optional")]
pub struct NowOptional {
    pub n: u32,
}

#[event(name = "before.packed")]
pub struct Packed {
    pub from: std::net::Ipv4Addr,
}

#[event(name = "before.one")]
pub struct One {
    pub n: Vec<u32>,
}
#[event(name = "before.distinct")]
pub struct Distinct {
    pub n: Vec<u32>,
}
#[event(name = "before.never_zero")]
pub struct NeverZero {
    pub n: Vec<u16>,
}
#[event(name = "before.never_empty")]
pub struct NeverEmpty {
    pub word: String,
}
#[event(name = "before.one_form")]
pub struct OneForm {
    pub from: std::net::IpAddr,
}
#[event(name = "before.merged")]
pub enum Merged {
    Old,
    Other,
    Third,
}
#[event(name = "before.nested")]
pub struct Nested {
    pub nested: nest::before::Outer,
}
#[event(name = "before.same_forms")]
pub struct SameForms {
    pub a: Option<u32>,
    pub b: u32,
}
