//! What values hold is let go, however they leave memory; and `#[on_idle]` never waits for ever.

use std::sync::Arc;

use nether::prelude::*;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    let builder = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    builder.expect("a runtime")
}

#[command(key = id)]
struct Hold {
    id: u64,
}

struct Holder {
    _token: Resource<Arc<()>>,
    held: Option<Arc<()>>,
}

#[module(handles = Hold, per = id, keep = 10)]
impl Holder {
    #[init]
    fn new(_id: &u64, token: Resource<Arc<()>>) -> Self {
        Holder {
            _token: token,
            held: None,
        }
    }

    async fn hold(&mut self, _: Hold) {
        self.held = Some(Arc::clone(&self._token));
    }

    #[on_idle]
    async fn leave(self) {
        drop(self);
    }
}

#[test]
fn a_system_that_is_dropped_lets_go_of_values_and_resources() {
    let token = Arc::new(());
    let runtime = runtime();
    let system = runtime.block_on(async {
        let builder = System::builder().isolated().with::<Holder>();
        let builder = builder.provide(Arc::clone(&token));
        let system = builder.start().await.expect("it starts");
        let ctx = system.context();
        for id in 0..20 {
            ctx.send(Hold { id }).await.expect("it is handled");
        }
        ctx.close().await.expect("all went well");
        system
    });
    assert!(Arc::strong_count(&token) > 10);
    drop(system);
    drop(runtime);
    assert_eq!(Arc::strong_count(&token), 1);
}
