//! What a message attribute gives: names, IDs, derives, and metadata that travels beside the message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use nether::prelude::*;
use nether::{ContextId, Message, MessageId, MessageKind, MessageTypeId};

#[command(reply = u32)]
#[derive(PartialEq)]
pub struct Plain {
    pub text: String,
    pub list: Vec<u8>,
}

#[event]
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Derived {
    Small,
    Large { size: u64 },
}

#[query(name = "orders.find.v1", reply = Option<u32>, key = order_id)]
pub struct Named {
    pub order_id: u64,
}

/// Holds what is neither `Clone` nor serialisable.
#[command(local)]
pub struct WithChannel(tokio::sync::oneshot::Sender<u32>);

#[command]
pub struct Unit;

mod nested {
    use nether::prelude::*;

    #[command]
    pub struct Unit;
}

#[test]
fn a_message_is_named_by_its_path_unless_it_has_a_name() {
    assert_eq!(Plain::NAME, "isolated::messages::Plain");
    assert_eq!(nested::Unit::NAME, "isolated::messages::nested::Unit");
    assert_eq!(Named::NAME, "orders.find.v1");
}

#[test]
fn the_id_is_a_constant_of_the_name() {
    const ID: MessageTypeId = Named::ID;
    assert_eq!(ID, MessageTypeId::of("orders.find.v1"));
    assert_ne!(Unit::ID, nested::Unit::ID);
    // IDs are written to stores and sent to other programs, so they must never change.
    assert_eq!(ID.as_u64(), 2_836_329_556_412_191_968);
    assert_eq!(ID.to_string().len(), 16);
}

#[test]
fn what_is_known_while_compiling_is_known_at_run_time() {
    let descriptor = Named::descriptor();
    assert_eq!(
        (descriptor.kind, descriptor.id),
        (MessageKind::Query, Named::ID)
    );
    assert_eq!(descriptor.key, Some("order_id"));
    assert_eq!(descriptor.declaration.name, "orders.find.v1");
    assert!(descriptor.declaration.file.ends_with("messages.rs"));
    let line = include_str!("messages.rs")
        .lines()
        .position(|line| line.contains("#[query(name"))
        .expect("above")
        + 1;
    assert_eq!(descriptor.declaration.line as usize, line);
}

#[test]
fn missing_derives_are_added() {
    let plain = Plain {
        text: "a".into(),
        list: vec![1],
    };
    assert_eq!(plain.clone(), plain);
    assert_eq!(format!("{plain:?}"), r#"Plain { text: "a", list: [1] }"#);
    let json = serde_json::to_string(&plain).expect("serialisable");
    assert_eq!(json, r#"{"text":"a","list":[1]}"#);
    assert_eq!(
        serde_json::from_str::<Plain>(&json).expect("deserialisable"),
        plain
    );
}

#[test]
fn derives_that_are_there_are_left_alone() {
    assert_eq!(
        serde_json::to_string(&Derived::Small).expect("serialisable"),
        r#""SMALL""#
    );
    let large = serde_json::from_str(r#"{"LARGE":{"size":3}}"#).expect("deserialisable");
    assert!(matches!(large, Derived::Large { size: 3 }));
}

/// Neither `Serialize` nor `Deserialize`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cache(u32);

#[event]
#[derive(PartialEq)]
pub struct Drawn {
    pub shape: String,
    #[cfg_attr(test, serde(skip))]
    pub cache: Cache,
}

/// The macro does not see what is behind this name.
pub type Children = Vec<Category>;

#[event]
#[derive(PartialEq)]
pub struct Category {
    pub name: String,
    pub children: Children,
}

#[command]
#[derive(PartialEq)]
#[serde(bound(serialize = ""))]
pub struct Bound {
    pub inside: Box<Category>,
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("deserialisable")
}

#[test]
fn a_field_that_serde_skips_on_a_condition_needs_no_serde() {
    let drawn = Drawn {
        shape: "circle".into(),
        cache: Cache(3),
    };
    let json = serde_json::to_string(&drawn).expect("serialisable");
    assert_eq!(json, r#"{"shape":"circle"}"#);
    assert_eq!(read::<Drawn>(&json).cache, Cache::default());
}

#[test]
fn a_message_may_hold_itself_under_another_name() {
    let json = r#"{"name":"a","children":[{"name":"b","children":[]}]}"#;
    let category: Category = read(json);
    assert_eq!(category.children[0].name, "b");
    assert_eq!(
        serde_json::to_string(&category).expect("serialisable"),
        json
    );
}

#[test]
fn bounds_for_serde_stay_the_users() {
    let json = r#"{"inside":{"name":"a","children":[]}}"#;
    let bound: Bound = read(json);
    assert_eq!(serde_json::to_string(&bound).expect("serialisable"), json);
}

/// What the handlers saw.
#[derive(Default)]
struct Trace {
    seen: Mutex<HashMap<&'static str, Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    correlation: ContextId,
    message: Option<MessageId>,
    cause: Option<MessageId>,
    depth: u32,
    principal: Option<String>,
}

impl Trace {
    fn note<S: nether::Caller>(&self, name: &'static str, ctx: &nether::QueryContext<S>) {
        let seen = Seen {
            correlation: ctx.correlation_id(),
            message: ctx.message_id(),
            cause: ctx.causation_id(),
            depth: ctx.depth(),
            principal: ctx.principal().map(|it| it.id().to_owned()),
        };
        self.seen.lock().unwrap().insert(name, seen);
    }
}

struct First(Arc<Trace>);

#[module(handles = [Plain, WithChannel], manual)]
impl First {
    async fn plain(&mut self, plain: Plain, ctx: &Context<Self>) -> nether::Result<u32> {
        self.0.note("plain", ctx);
        ctx.publish(Derived::Large {
            size: plain.list.len() as u64,
        })
        .await?;
        Ok(7)
    }

    fn channel(&mut self, WithChannel(reply): WithChannel) {
        let _ = reply.send(42);
    }
}

struct Second(Arc<Trace>);

#[module(handles = [Derived, Named], manual)]
impl Second {
    async fn derived(&self, _: &Derived, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.note("derived", ctx);
        ctx.ask(Named { order_id: 1 }).await?;
        Ok(())
    }

    async fn named(&self, named: Named, ctx: &QueryContext<Self>) -> Option<u32> {
        self.0.note("named", ctx);
        (named.order_id > 0).then_some(1)
    }
}

async fn traced() -> nether::Result<(System, Arc<Trace>)> {
    let trace = Arc::<Trace>::default();
    let system = System::builder().isolated().start().await?;
    system.attach(First(Arc::clone(&trace))).await?;
    system.attach(Second(Arc::clone(&trace))).await?;
    Ok((system, trace))
}

#[tokio::test]
async fn causes_are_known_along_the_chain() -> nether::Result<()> {
    let (system, trace) = traced().await?;
    let ctx = system.context().with_principal("ann");
    assert_eq!(
        (ctx.message_id(), ctx.causation_id(), ctx.depth()),
        (None, None, 0)
    );
    ctx.send(Plain {
        text: String::new(),
        list: vec![1],
    })
    .await?;
    let correlation = ctx.correlation_id();
    ctx.close().await?;
    let seen = trace.seen.lock().unwrap().clone();
    for entry in seen.values() {
        assert_eq!(entry.correlation, correlation);
        assert_eq!(entry.principal.as_deref(), Some("ann"));
    }
    assert_eq!(seen["plain"].cause, None);
    assert_eq!(seen["derived"].cause, seen["plain"].message);
    assert_eq!(seen["named"].cause, seen["derived"].message);
    assert_eq!(
        [
            seen["plain"].depth,
            seen["derived"].depth,
            seen["named"].depth
        ],
        [1, 2, 3]
    );
    Ok(())
}

#[tokio::test]
async fn contexts_have_ids_of_their_own_in_the_order_drawn() -> nether::Result<()> {
    let (system, _) = traced().await?;
    let ids: Vec<ContextId> = (0..100)
        .map(|_| system.context().correlation_id())
        .collect();
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(ids[0].as_u128() >> 76 & 0xf, 7, "a UUID of version 7");
    Ok(())
}

#[tokio::test]
async fn a_local_message_may_hold_what_cannot_be_cloned() -> nether::Result<()> {
    let (system, _) = traced().await?;
    let (reply, answer) = tokio::sync::oneshot::channel();
    let ctx = system.context();
    ctx.process(WithChannel(reply)).await?;
    assert_eq!(answer.await?, 42);
    ctx.close().await?;
    Ok(())
}
