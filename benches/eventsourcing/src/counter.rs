//! What is counted, in two ways: by an aggregate, and by a plain module.

pub mod aggregate {
    //! Ours.

    use nether::prelude::*;

    #[command(key = counter)]
    pub struct Add {
        pub counter: u64,
    }

    #[event(name = "bench.added")]
    pub struct Added {
        pub by: u64,
    }

    #[derive(Default)]
    pub struct Counter {
        pub count: u64,
    }

    #[aggregate(handles = [Add], events = [Added], cache = 10_000)]
    impl Counter {
        fn add(&self, _: Add) -> Added {
            Added { by: 1 }
        }

        fn added(&mut self, event: &Added) {
            self.count += event.by;
        }
    }
}

pub mod plain {
    //! An exclusive module that does the same, without a store.

    use nether::prelude::*;

    #[command(reply = u64)]
    pub struct Plainly {
        pub counter: u64,
    }

    #[derive(Default)]
    pub struct PlainCounter {
        count: u64,
    }

    #[module(handles = [Plainly])]
    impl PlainCounter {
        async fn add(&mut self, _: Plainly) -> u64 {
            self.count += 1;
            self.count
        }
    }
}
