//! The handle to a module that adds: the same for one that does one thing at a time and for one that does
//! not, but each has messages of its own, since a command has one handler.

macro_rules! opened {
    () => {
        /// An open context, and the system to open others.
        pub(super) struct Opened {
            ctx: Context,
            system: System,
        }

        impl Counter for Opened {
            async fn tell(&self, number: u64) {
                self.ctx.process(Add(number)).await.expect("accepted");
            }

            async fn call(&self, number: u64) -> u64 {
                self.ctx.send(Add(number)).await.expect("replied")
            }

            async fn read(&self, number: u64) -> u64 {
                self.ctx.ask(Sum(number)).await.expect("answered")
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

pub(super) use opened;
