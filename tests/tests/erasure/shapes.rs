//! Personal values in whatever shape serde writes; and content that only looks like one.

use nether::eventstore::{Encoding, MemoryKeys, Personal, Position, Store, StoreError};
use nether::prelude::*;
use nether_sqlite::{SqliteKeys, SqliteStore};
use nether_tests::Folder;
use serde::{Deserialize, Serialize};

use crate::program::{MARK, has};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    pub street: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Contact {
    Mail(Personal<Address>),
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Either {
    Number(u32),
    Person(Personal<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub name: Personal<String>,
    pub next: Option<Box<Node>>,
}

#[event(name = "erasure.shaped")]
#[derive(Debug, PartialEq)]
pub struct Shaped {
    #[serde(flatten)]
    pub address: Personal<Address>,
    pub contact: Contact,
    pub either: Vec<Either>,
    pub pair: (Personal<Option<u8>>, Option<Option<Personal<u8>>>),
    pub nested: Personal<Personal<String>>,
    pub node: Option<Node>,
}

fn personal<T>(value: T) -> Personal<T> {
    Personal::new("a", value)
}

fn address() -> Address {
    Address {
        street: MARK.to_owned(),
    }
}

fn shaped(levels: usize) -> Shaped {
    let node = |next| {
        let name = personal(MARK.to_owned());
        Some(Box::new(Node { name, next }))
    };
    let nodes = (0..levels).fold(None, |next, _| node(next));
    Shaped {
        address: personal(address()),
        contact: Contact::Mail(personal(address())),
        either: vec![Either::Number(7), Either::Person(personal(MARK.to_owned()))],
        pair: (personal(None), Some(Some(personal(7)))),
        nested: personal(personal(MARK.to_owned())),
        node: nodes.map(|node| *node),
    }
}

#[tokio::test]
async fn a_value_of_any_shape_is_sealed_and_forgotten() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let folder = Folder::new("shapes");
        let keys = SqliteKeys::open(folder.0.join("keys")).unwrap();
        let file = SqliteStore::open(folder.file()).unwrap();
        let store = Store::new(file).encoding(encoding).subject_keys(keys);
        store.append_events("list", [shaped(5)]).await.unwrap();
        assert!(!has(&folder.0, MARK.as_bytes()), "{encoding:?}");
        let read = async || {
            let all = store.read_all(Position::START, 1).await.unwrap();
            all[0].read::<Shaped>().unwrap()
        };
        assert_eq!(read().await, shaped(5));
        store.forget("a").await.unwrap();
        let forgotten = read().await;
        assert_eq!(forgotten.address, Personal::forgotten("a"));
        assert_eq!(forgotten.contact, Contact::Mail(Personal::forgotten("a")));
        assert_eq!(
            forgotten.either[1],
            Either::Person(Personal::forgotten("a"))
        );
        assert!(forgotten.pair.0.is_forgotten() && forgotten.nested.is_forgotten());
        assert!(forgotten.node.unwrap().next.unwrap().name.is_forgotten());
        assert!(!has(&folder.0, MARK.as_bytes()), "{encoding:?}");
    }
}

/// A personal value that is written as a text by itself.
mod as_text {
    use nether::eventstore::Personal;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Personal<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(value).unwrap())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Personal<String>, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(serde::de::Error::custom)
    }
}

#[event(name = "erasure.hidden")]
pub struct Hidden {
    #[serde(with = "as_text")]
    pub name: Personal<String>,
}

#[tokio::test]
async fn a_value_that_would_be_overlooked_is_refused() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        for store in [
            Store::memory(),
            Store::memory().subject_keys(MemoryKeys::default()),
        ] {
            let store = store.encoding(encoding);
            let name = personal(MARK.to_owned());
            let hidden = store.append_events("list", [Hidden { name }]).await;
            let error = hidden.unwrap_err().to_string();
            assert!(error.contains("would not be found"), "{error}");
            assert_eq!(store.head().await.unwrap(), Position::START);
        }
    }
    // Nested deeper than MessagePack is walked through.
    let store = Store::memory().encoding(Encoding::MessagePack);
    let store = store.subject_keys(MemoryKeys::default());
    let deep = std::thread::Builder::new().stack_size(64 << 20);
    let deep = deep.spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async move {
            store
                .append_events("list", [shaped(700)])
                .await
                .unwrap_err()
        })
    });
    let error = deep.unwrap().join().unwrap();
    assert!(matches!(error, StoreError::Codec { .. }), "{error}");
}

#[event(name = "erasure.noted")]
pub struct Noted {
    pub anything: serde_json::Value,
}

#[tokio::test]
async fn content_of_a_client_that_looks_personal_is_refused() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        let store = store.subject_keys(MemoryKeys::default());
        let append = async |anything: serde_json::Value| {
            let noted = Noted { anything };
            let appended = store.append_events("list", [noted]).await;
            appended.map(|it| it.position)
        };
        let known = serde_json::json!({ "subject": "a", "value": 1 });
        let mut deep = known.clone();
        for _ in 0..30 {
            deep = serde_json::json!({ "subject": "a", "value": { "$personal": deep } });
        }
        for content in [known, deep, serde_json::json!({ "subject": "a" })] {
            for anything in [
                serde_json::json!({ "$personal": content }),
                serde_json::json!([{ "b": 1, "$personal": content }]),
            ] {
                let error = append(anything).await.unwrap_err();
                assert!(matches!(error, StoreError::Codec { .. }), "{error}");
                assert!(error.to_string().contains("ersonal"), "{error}");
            }
        }
        for harmless in [
            serde_json::json!("{\"$personal\":{\"subject\":\"a\",\"value\":1}}"),
            serde_json::json!({ "$personal": 1, "other": ["$personal"] }),
            serde_json::json!({ "$personal": { "subject": "a", "value": 1, "more": 2 } }),
        ] {
            let position = append(harmless.clone()).await.unwrap();
            let before = Position(position.0 - 1);
            let read = store.read_all(before, 1).await.unwrap();
            assert_eq!(read[0].read::<Noted>().unwrap().anything, harmless);
        }
    }
}

#[event(name = "erasure.born")]
pub struct Born {
    pub year: Personal<String>,
}

/// `Born`, in a program that reads it by another type.
#[derive(Debug, Deserialize)]
pub struct BornIn {
    #[expect(dead_code)]
    pub year: Personal<u16>,
}

#[test]
fn the_error_of_a_value_that_cannot_be_read_does_not_show_it() {
    let year = personal(MARK.to_owned());
    let written = serde_json::to_string(&Born { year }).unwrap();
    let error = serde_json::from_str::<BornIn>(&written)
        .unwrap_err()
        .to_string();
    assert!(error.contains("a personal value is not a `u16`"), "{error}");
    assert!(!error.contains(MARK), "{error}");
}
