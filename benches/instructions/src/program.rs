//! The program that is counted: handlers that do next to nothing, so that what is left is Nether.

use nether::prelude::*;

#[command]
pub(crate) struct Add(pub(crate) u64);

#[query(reply = u64)]
pub(crate) struct SharedTotal;

#[event]
pub(crate) struct Added(pub(crate) u64);

#[derive(Default)]
pub(crate) struct Sum(u64);

#[module(handles = Add)]
impl Sum {
    async fn add(&mut self, Add(number): Add) {
        self.0 = self.0.wrapping_add(number);
    }
}

#[derive(Default)]
pub(crate) struct Shared(u64);

#[module(handles = SharedTotal)]
impl Shared {
    async fn total(&self, _: SharedTotal) -> u64 {
        self.0
    }
}

macro_rules! listeners {
    ($($name:ident)*) => {$(
        #[derive(Default)]
        struct $name(u64);

        #[module(handles = Added)]
        impl $name {
            async fn added(&mut self, &Added(number): &Added) {
                self.0 = self.0.wrapping_add(number);
            }
        }
    )*};
}
listeners!(L1 L2 L3 L4 L5 L6 L7 L8 L9 L10);
