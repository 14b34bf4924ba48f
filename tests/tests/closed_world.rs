//! A closed world: `modules = [..]` names what starts by itself.

use nether::prelude::*;

#[command]
struct Work;

#[derive(Default)]
struct Listed;

#[module(handles = Work)]
impl Listed {
    async fn work(&self, _: Work) {}
}

#[event]
struct News;

/// Attached by hand, so it need not be listed.
struct Manual;

#[module(handles = News, manual)]
impl Manual {
    async fn news(&mut self, _: &News) {}
}

struct Other;

#[module(handles = News, manual)]
impl Other {
    async fn news(&mut self, _: &News) {}
}

#[nether::test(modules = [Listed])]
async fn manual_modules_need_not_be_listed(system: System) -> nether::Result<()> {
    system.context().send(Work).await?;
    Ok(())
}

#[nether::test]
async fn the_topology_of_an_isolated_system_has_each_module_once(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let system = builder.isolated().start().await?;
    system.attach(Manual).await?;
    system.attach(Other).await?;
    system.attach(Manual).await?;
    let topology = system.topology();
    let modules: Vec<&str> = topology.modules.iter().map(|module| module.name).collect();
    assert_eq!(modules, ["closed_world::Manual", "closed_world::Other"]);
    assert_eq!(topology.edges.len(), 2);
    Ok(())
}
