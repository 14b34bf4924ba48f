//! Content that counts as the same, and content that does not.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

use serde::Serialize;

use super::content;

fn bytes(value: impl Serialize) -> Vec<u8> {
    content(&value).unwrap()
}

/// Values that all differ from each other.
fn differ(values: &[Vec<u8>]) {
    let distinct: BTreeSet<_> = values.iter().collect();
    assert_eq!(distinct.len(), values.len(), "{values:?}");
}

#[derive(Serialize)]
struct Order<'a> {
    id: u32,
    lines: Vec<&'a str>,
    note: Option<&'a str>,
}

#[test]
fn maps_and_sets_in_any_order_are_the_same_content() {
    let words = || (0..64).map(|n| format!("word {n}"));
    let map = || words().map(|word| (word, 1)).collect::<HashMap<_, _>>();
    let first = bytes(map());
    for _ in 0..8 {
        assert_eq!(bytes(map()), first);
        let set: HashSet<_> = words().collect();
        let again: HashSet<_> = words().rev().collect();
        assert_eq!(bytes(&set), bytes(&again));
        assert_eq!(bytes(vec![&set]), bytes([&again]));
        let heap: BinaryHeap<_> = words().collect();
        assert_eq!(
            bytes(&heap),
            bytes(words().rev().collect::<BinaryHeap<_>>())
        );
    }
    let sorted: BTreeMap<_, _> = words().map(|word| (word, 1)).collect();
    assert_eq!(bytes(sorted), first, "whatever map it is");
}

#[test]
fn lists_in_another_order_are_another_content() {
    differ(&[bytes([1, 2]), bytes([2, 1]), bytes([1, 2, 2]), bytes([1])]);
    differ(&[
        bytes(vec![HashSet::from([1]), HashSet::from([2])]),
        bytes(vec![HashSet::from([2]), HashSet::from([1])]),
    ]);
}

#[test]
fn no_two_contents_of_one_type_have_the_same_bytes() {
    #[derive(Serialize)]
    enum Kind {
        Unit,
        New(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }
    differ(&[
        bytes(()),
        bytes(true),
        bytes(false),
        bytes(0),
        bytes(1),
        bytes(-1),
        bytes(255_u8),
        bytes(256),
        bytes(i128::MIN),
        bytes(i128::MAX),
        bytes(u128::MAX),
        bytes(1.0),
        bytes(-1.0),
        bytes(f64::NAN),
        bytes(""),
        bytes("1"),
        bytes(["ab", "c"]),
        bytes(["a", "bc"]),
        bytes(["abc"]),
        bytes([[1], [2]]),
        bytes([vec![1, 2], vec![]]),
        bytes(BTreeMap::from([("a", "b")])),
        bytes(BTreeMap::from([("b", "a")])),
        bytes(BTreeMap::from([("a", None::<u8>)])),
        bytes(Kind::Unit),
        bytes(Kind::New(1)),
        bytes(Kind::Tuple(1, 1)),
        bytes(Kind::Struct { a: 1 }),
    ]);
}

#[test]
fn a_unit_variant_and_its_name_as_a_text_have_the_same_bytes() {
    #[derive(Serialize)]
    enum Colour {
        Red,
    }
    assert_eq!(bytes(Colour::Red), bytes("Red"));
}

#[test]
fn a_number_is_the_same_in_any_width() {
    assert_eq!(bytes(7_u8), bytes(7_i128));
    assert_eq!(bytes(-7_i8), bytes(-7_i64));
    assert_eq!(bytes(0.5_f32), bytes(0.5_f64));
    assert_eq!(bytes(-0.0), bytes(0.0));
    assert_eq!(bytes(-f64::NAN), bytes(f64::NAN));
}

#[test]
fn a_field_without_a_value_may_be_added_and_one_with_a_value_may_not() {
    #[derive(Serialize)]
    struct Before<'a> {
        lines: Vec<&'a str>,
        id: u8,
    }
    let lines = || vec!["a"];
    let before = bytes(Before {
        lines: lines(),
        id: 1,
    });
    let after = |note| Order {
        id: 1,
        lines: lines(),
        note,
    };
    assert_eq!(bytes(after(None)), before);
    assert_ne!(bytes(after(Some(""))), before);
}

#[derive(Serialize)]
enum Label {
    Sets { words: HashSet<String> },
    List { numbers: [u8; 2] },
    Tuple(u8, u8),
    Plain,
    Bare,
}

#[derive(Serialize)]
struct Labelled<T: Serialize> {
    id: u8,
    #[serde(flatten)]
    label: T,
}

#[test]
fn a_field_without_a_value_may_be_added_beside_what_is_flattened_and_inside_of_it() {
    #[derive(Serialize)]
    struct Inner {
        by: u8,
        #[serde(skip_serializing_if = "is_old")]
        note: Option<u8>,
        #[serde(skip)]
        old: bool,
    }
    fn is_old(note: &Option<u8>) -> bool {
        *note == Some(0)
    }
    let inner = |note| Labelled {
        id: 1,
        label: Inner {
            by: 1,
            note,
            old: false,
        },
    };
    #[derive(Serialize)]
    struct Outer {
        #[serde(flatten)]
        inner: Labelled<Inner>,
        more: Option<u8>,
    }
    // Without the field, with it, and with another one beside it.
    let before = bytes(inner(Some(0)));
    assert!(!inner(None).label.old);
    assert_eq!(bytes(inner(None)), before);
    let outer = |more| Outer {
        inner: inner(None),
        more,
    };
    assert_eq!(bytes(outer(None)), before);
    differ(&[before, bytes(inner(Some(1))), bytes(outer(Some(1)))]);
}

#[test]
fn what_has_no_value_in_a_flattened_map_or_enum_is_content() {
    let map = |key| Labelled {
        id: 1,
        label: HashMap::from([(key, None::<u8>)]),
    };
    let label = |label| bytes(Labelled { id: 1, label });
    differ(&[
        bytes(map("a")),
        bytes(map("b")),
        label(Label::Plain),
        label(Label::Bare),
        label(Label::Tuple(1, 2)),
        label(Label::Tuple(2, 1)),
    ]);
}

#[test]
fn sets_in_what_serde_buffers_are_the_same_content_in_any_order() {
    let words = || (0..64).map(|n| format!("word {n}"));
    let sets = |words| {
        bytes(Labelled {
            id: 1,
            label: Label::Sets { words },
        })
    };
    assert_eq!(sets(words().collect()), sets(words().rev().collect()));
    assert_ne!(sets(words().collect()), sets(words().skip(1).collect()));
    let list = |numbers| {
        bytes(Labelled {
            id: 1,
            label: Label::List { numbers },
        })
    };
    assert_ne!(list([1, 2]), list([2, 1]), "an array is no set");
}

#[test]
fn a_map_that_is_written_as_pairs_is_the_same_content_in_any_order() {
    struct Pairs(HashMap<u8, u8>);

    impl Serialize for Pairs {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            // Its type is that of a map of an iterator.
            #[allow(clippy::map_identity)]
            let pairs = self.0.iter().map(|(key, value)| (key, value));
            serializer.collect_seq(pairs)
        }
    }

    struct Values(HashMap<u8, u8>);

    impl Serialize for Values {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.values())
        }
    }

    let map = || (0..64).map(|n| (n, n)).collect::<HashMap<_, _>>();
    let again = || (0..64).rev().map(|n| (n, n)).collect::<HashMap<_, _>>();
    assert_eq!(bytes(Pairs(map())), bytes(Pairs(again())));
    assert_eq!(bytes(Values(map())), bytes(Values(again())));
    assert_ne!(bytes(Pairs(map())), bytes(Pairs(HashMap::from([(1, 2)]))));
}

#[test]
fn a_value_that_cannot_be_written_says_why() {
    #[derive(Debug)]
    struct Never;

    impl Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it is a secret"))
        }
    }

    assert_eq!(content(&[Never]).unwrap_err(), "it is a secret");
}

#[test]
fn the_bytes_are_the_same_in_every_version_of_the_library() {
    let order = Order {
        id: 1,
        lines: vec!["a"],
        note: None,
    };
    let expected = b"l\0\0\0\0\0\0\0\x03-\x02\x01\0nm\0\0\0\0\0\0\0\x02\
        t\0\0\0\0\0\0\0\x02id+\x01\x01\
        t\0\0\0\0\0\0\0\x05linesl\0\0\0\0\0\0\0\x01t\0\0\0\0\0\0\0\x01a";
    assert_eq!(bytes((-256, (), order)), expected);
}
