//! Enums inside of enums, with more alternatives than a few samples show; the last one changes its name.

macro_rules! nest {
    ($time:ident, $last:ident) => {
        pub mod $time {
            use serde::{Deserialize, Serialize};

            #[derive(Debug, Clone, Serialize, Deserialize)]
            pub enum Outer {
                A(Middle),
                B { one: Middle, other: Option<Middle> },
                Again(Box<Outer>, Box<Outer>),
            }

            #[derive(Debug, Clone, Serialize, Deserialize)]
            pub enum Middle {
                A(Inner),
                B(Inner, Inner),
                C { inner: Option<Inner> },
            }

            #[derive(Debug, Clone, Serialize, Deserialize)]
            pub enum Inner {
                A,
                B(Last),
                C { last: Last },
            }

            #[derive(Debug, Clone, Serialize, Deserialize)]
            pub enum Last {
                A,
                B,
                C,
                D,
                $last,
            }
        }
    };
}

nest!(before, E);
nest!(after, IsE);
