//! Spans show what a context was given; and what is logged of streams.

use std::sync::Arc;

use nether::prelude::*;

#[derive(Debug)]
struct TenantId(#[expect(dead_code, reason = "it is only shown")] u32);

#[command]
struct Talk;

#[event]
struct Talked;

struct Talker;

#[module(handles = [Talk, Talked], manual)]
impl Talker {
    async fn talk(&mut self, _: Talk, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Talked).await?;
        Ok(())
    }

    async fn talked(&self, _: &Talked) {
        tracing::info!("it is said");
    }
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn spans_show_what_a_context_was_given_and_lost_items_are_reported() -> nether::Result<()> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _set = tracing::subscriber::set_default(subscriber);
    let system = System::builder().isolated().start().await?;
    system.attach(Talker).await?;
    let ctx = system.context().with(TenantId(7)).with_principal("ann");
    let id = ctx.correlation_id();
    ctx.process(Talk).await?;
    ctx.stream::<u32>().push(1).await?;
    {
        let watched = ctx.stream::<char>();
        let mut watch = watched.watch();
        watched.push('a').await?;
        assert_eq!(watch.pull().await?, Some('a'));
    }
    ctx.close().await?;
    let log = String::from_utf8(log.0.lock().expect("no panic").clone())?;
    let said = log.lines().find(|line| line.contains("it is said"));
    let said = said.expect("it is logged");
    for shown in [
        &format!("context={id}"),
        "principal=\"ann\"",
        "baggage=[TenantId(7)]",
        "sequence=1",
        "cause=0",
    ] {
        assert!(said.contains(shown), "`{shown}` is not in: {said}");
    }
    let lost: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("no consumer took"))
        .collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(
        lost[0].contains("items=1") && lost[0].contains("u32"),
        "{}",
        lost[0]
    );
    Ok(())
}
