#![allow(unused_imports, unused_variables, dead_code)]
use std::collections::BTreeMap;

use nether::prelude::*;

#[event]
pub struct Minted {
    pub wallet: u128,
    #[serde(flatten)]
    pub rest: BTreeMap<String, Option<u128>>,
}

#[event]
#[serde(tag = "kind")]
pub enum Moved {
    In { wei: i128 },
    Out { cents: u64 },
}

#[event]
#[serde(untagged)]
pub enum Counted {
    Few(u8),
    Many(u128),
}

#[event]
#[serde(tag = "kind", content = "of")]
pub enum Sound {
    In { wei: i128 },
}

#[event]
#[serde(tag = "kind")]
pub enum AsText {
    In {
        #[serde(with = "text")]
        wei: i128,
    },
}

mod text {
    pub fn serialize<S: serde::Serializer>(wei: &i128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(wei)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
        let text: String = serde::Deserialize::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Never stored.
#[event(local)]
#[derive(Clone)]
pub struct Local(u128);

fn main() {}
