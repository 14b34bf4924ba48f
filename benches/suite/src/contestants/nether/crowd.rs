//! Eight modules, each with a command of its own: a command has one handler.

use nether::prelude::*;

use crate::contestants::nether::empty;
use crate::contract::{Crowd, Crowds};

macro_rules! members {
    ($($number:literal $name:ident)*) => {
        $(mod $name {
            //! One of the eight.

            use nether::prelude::*;

            #[command(local, reply = u64)]
            pub(super) struct Add(pub(super) u64);

            #[query(local, reply = u64)]
            pub(super) struct Sum;

            #[derive(Default)]
            pub(super) struct Adder {
                sum: u64,
            }

            #[module(handles = [Add, Sum], manual)]
            impl Adder {
                async fn add(&mut self, Add(number): Add) -> u64 {
                    self.sum += number;
                    self.sum
                }

                async fn sum(&self, _: Sum) -> u64 {
                    self.sum
                }
            }
        })*

        async fn attach(system: &System, members: usize) {
            $(if $number < members {
                system.attach($name::Adder::default()).await.expect("each has its own command");
            })*
        }

        impl Crowd for Opened {
            async fn tell(&self, member: usize, number: u64) {
                match member {
                    $($number => self.ctx.process($name::Add(number)).await,)*
                    _ => unreachable!("there are eight"),
                }
                .expect("accepted");
            }

            async fn total(&self, member: usize) -> u64 {
                match member {
                    $($number => self.ctx.ask($name::Sum).await.expect("answered"),)*
                    _ => unreachable!("there are eight"),
                }
            }

            fn another(&self) -> Self {
                Opened {
                    ctx: self.system.context(),
                    system: self.system.clone(),
                }
            }

            async fn close(self) {
                self.ctx.close().await.expect("nothing fails");
            }
        }
    };
}

members!(0 first 1 second 2 third 3 fourth 4 fifth 5 sixth 6 seventh 7 eighth);

pub(super) struct Eight;

impl Crowds for Eight {
    type Crowd = Opened;

    async fn crowd(&self, members: usize) -> Opened {
        let system = empty().await;
        attach(&system, members).await;
        Opened {
            ctx: system.context(),
            system,
        }
    }
}

/// An open context, and the system to open others.
pub(super) struct Opened {
    ctx: Context,
    system: System,
}
