//! Events of all shapes that serde has come back from a store as they were, or are refused.

use std::collections::BTreeMap;

use nether::eventstore::{Encoding, Position, Store, StoreError, StoredEvent};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Named {
    Unit,
    New(f64),
    Tuple(u8, Option<i128>),
    Struct { a: Option<String>, b: Vec<u64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Inside {
    Unit,
    Struct { a: f64, b: Option<u8> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
pub enum Beside {
    Unit,
    New(u128),
    Tuple(i8, f32),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Either {
    Number(u64),
    Float(f64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Renamed {
    #[serde(rename = "another")]
    pub a_name: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<f64>,
    #[serde(flatten)]
    pub rest: BTreeMap<String, i64>,
}

#[event(name = "readable.shaped")]
#[derive(PartialEq)]
pub struct Shaped {
    pub named: Named,
    pub inside: Inside,
    pub beside: Beside,
    pub either: Either,
    pub renamed: Renamed,
    pub nested: Option<Option<u8>>,
    pub wide: (u128, i128),
    pub by_number: BTreeMap<i64, f64>,
    pub text: String,
    pub bytes: Vec<u8>,
}

/// Values drawn from all shapes.
struct Drawn(fastrand::Rng);

impl Drawn {
    fn float(&mut self) -> f64 {
        match self.0.u8(0..12) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -0.0,
            _ => f64::from_bits(self.0.u64(..)),
        }
    }

    fn option<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.0.bool().then(|| some(self))
    }

    fn text(&mut self) -> String {
        let length = self.0.usize(0..6);
        (0..length).map(|_| self.0.char(..)).collect()
    }

    fn named(&mut self) -> Named {
        match self.0.u8(0..4) {
            0 => Named::Unit,
            1 => Named::New(self.float()),
            2 => Named::Tuple(self.0.u8(..), self.option(|it| it.0.i128(..))),
            _ => Named::Struct {
                a: self.option(Drawn::text),
                b: vec![self.0.u64(..)],
            },
        }
    }

    fn inside(&mut self) -> Inside {
        match self.0.bool() {
            true => Inside::Unit,
            false => Inside::Struct {
                a: self.float(),
                b: self.option(|it| it.0.u8(..)),
            },
        }
    }

    fn beside(&mut self) -> Beside {
        match self.0.u8(0..3) {
            0 => Beside::Unit,
            1 => Beside::New(self.0.u128(..)),
            _ => Beside::Tuple(self.0.i8(..), self.0.f32()),
        }
    }

    fn either(&mut self) -> Either {
        match self.0.u8(0..3) {
            0 => Either::Number(self.0.u64(..)),
            1 => Either::Float(self.float()),
            _ => Either::Text(self.text()),
        }
    }

    fn shaped(&mut self) -> Shaped {
        Shaped {
            named: self.named(),
            inside: self.inside(),
            beside: self.beside(),
            either: self.either(),
            renamed: Renamed {
                a_name: self.0.u8(..),
                left_out: self.option(Drawn::float),
                rest: [(format!("x{}", self.text()), self.0.i64(..))].into(),
            },
            nested: self.option(|it| it.option(|it| it.0.u8(..))),
            wide: (self.0.u128(..), self.0.i128(..)),
            by_number: [(self.0.i64(..), self.float())].into(),
            text: self.text(),
            bytes: vec![self.0.u8(..)],
        }
    }
}

/// Whether a value holds a float that is not finite, by what it says of itself.
fn is_finite(shaped: &Shaped) -> bool {
    let text = format!("{shaped:?}");
    let words = text.split(|it: char| !it.is_alphanumeric());
    !words.into_iter().any(|word| matches!(word, "NaN" | "inf"))
}

async fn stored<E: StoredEvent>(store: &Store, event: E) -> Result<E, StoreError> {
    let appended = store.append_events("a/1", [event]).await?;
    let before = Position(appended.position.0 - 1);
    let read = store.read_all(before, 1).await.unwrap();
    Ok(read[0].read::<E>().expect("what is stored can be read"))
}

#[tokio::test]
async fn values_of_all_shapes_come_back_as_they_were_or_are_refused() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let (mut drawn, mut refused) = (Drawn(fastrand::Rng::with_seed(7)), 0);
        for _ in 0..2_000 {
            let shaped = drawn.shaped();
            let (is_finite, text) = (is_finite(&shaped), format!("{shaped:?}"));
            match stored(&store, shaped).await {
                // What was read counts: of an option of none, that there is none.
                Ok(read) => {
                    assert!(is_finite, "{text}");
                    let text = text.replace("nested: Some(None)", "nested: None");
                    let read = format!("{read:?}").replace("nested: Some(None)", "nested: None");
                    assert_eq!(read, text);
                }
                Err(error) => {
                    refused += 1;
                    assert!(!is_finite, "{text}: {error}");
                }
            }
        }
        assert!((200..1_800).contains(&refused), "{refused}");
    }
}
