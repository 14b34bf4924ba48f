//! The program as data and as drawings.

use nether::prelude::*;
use nether::{MessageKind, ModuleKind, Principal, Relation};

#[command(key = order, requires = ["till", is_whole])]
pub struct Pay {
    pub order: u64,
}

fn is_whole(_: &Principal, pay: &Pay) -> bool {
    pay.order > 0
}

#[query(reply = bool)]
pub struct IsPaid(pub u64);

#[event]
pub struct Paid(pub u64);

#[derive(Default)]
pub struct Till;

#[module(handles = [Pay], emits = [Paid], calls = [IsPaid])]
impl Till {
    async fn pay(&mut self, pay: Pay, ctx: &Context<Self>) -> nether::Result<()> {
        if !ctx.ask(IsPaid(pay.order)).await? {
            ctx.publish(Paid(pay.order)).await?;
        }
        Ok(())
    }
}

pub struct Ledger;

#[module(handles = [IsPaid, Paid], manual)]
impl Ledger {
    fn is_paid(&self, _: IsPaid) -> bool {
        false
    }

    fn paid(&self, _: &Paid) {}
}

#[nether::test]
async fn the_topology_lists_messages_modules_and_edges(system: System) -> nether::Result<()> {
    let topology = system.topology();
    let message = |name: &str| {
        topology
            .messages
            .iter()
            .find(|message| message.name == name)
            .expect("declared")
    };
    let pay = message("topology::Pay");
    assert_eq!((pay.kind, pay.key), (MessageKind::Command, Some("order")));
    assert!(pay.file.ends_with("topology.rs") && pay.line > 0);
    assert_eq!(message("topology::Paid").kind, MessageKind::Event);
    let modules: Vec<_> = topology
        .modules
        .iter()
        .map(|module| (module.name, module.kind, module.manual))
        .collect();
    assert_eq!(
        modules,
        [
            ("topology::Ledger", ModuleKind::Shared, true),
            ("topology::Till", ModuleKind::Exclusive, false)
        ]
    );
    let mut edges: Vec<_> = topology
        .edges
        .iter()
        .map(|edge| (edge.module, edge.relation, edge.message))
        .collect();
    edges.sort_by_key(|(module, relation, message)| (*module, format!("{relation:?}"), *message));
    assert_eq!(
        edges,
        [
            ("topology::Ledger", Relation::Handles, "topology::IsPaid"),
            ("topology::Ledger", Relation::Handles, "topology::Paid"),
            ("topology::Till", Relation::Calls, "topology::IsPaid"),
            ("topology::Till", Relation::Emits, "topology::Paid"),
            ("topology::Till", Relation::Handles, "topology::Pay"),
        ]
    );
    Ok(())
}

#[nether::test]
async fn the_topology_is_serialisable(system: System) -> nether::Result<()> {
    let json = serde_json::to_value(system.topology())?;
    let messages = json["messages"].as_array().expect("a list");
    let requires = |name: &str| {
        let message = messages.iter().find(|it| it["name"] == name);
        message.expect("declared").get("requires").cloned()
    };
    let expected = serde_json::json!({"roles": ["till"], "functions": true});
    assert_eq!(requires("topology::Pay"), Some(expected));
    assert_eq!(requires("topology::Paid"), None);
    let modules = json["modules"].as_array().expect("a list");
    assert_eq!(modules[1]["name"], "topology::Till");
    assert_eq!(modules[1]["kind"], "exclusive");
    assert!(
        json["edges"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|edge| edge["relation"] == "emits")
    );
    Ok(())
}

#[nether::test]
async fn the_drawings_name_every_node_and_edge(system: System) -> nether::Result<()> {
    let topology = system.topology();
    for drawing in [topology.to_mermaid(), topology.to_dot()] {
        for node in [
            "topology::Pay",
            "topology::IsPaid",
            "topology::Paid",
            "topology::Till",
            "topology::Ledger",
        ] {
            assert!(drawing.contains(node), "{drawing}");
        }
        let arrows = drawing.lines().filter(|line| {
            ["-->", "==>", "->"]
                .iter()
                .any(|arrow| line.contains(arrow))
        });
        assert_eq!(arrows.count(), topology.edges.len(), "{drawing}");
    }
    assert!(topology.to_mermaid().starts_with("flowchart LR\n"));
    assert!(
        topology.to_dot().starts_with("digraph topology {\n") && topology.to_dot().ends_with("}\n")
    );
    Ok(())
}

#[nether::test]
async fn an_isolated_system_shows_what_is_attached(_: System) -> nether::Result<()> {
    let alone = System::builder().isolated().start().await?;
    assert!(alone.topology().modules.is_empty());
    alone.attach(Ledger).await?;
    assert_eq!(alone.topology().modules.len(), 1);
    Ok(())
}
