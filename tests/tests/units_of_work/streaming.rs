//! Commands that answer with a stream.

use futures_util::TryStreamExt;
use nether::StreamError;
use nether::prelude::*;

/// Answers with a number at once, and with as many items after it.
#[command(reply = nether::Streaming<u32, u32>)]
struct Export(u32);

/// The same, and it breaks off.
#[command(reply = nether::Streaming<(), u32>)]
struct ExportBadly;

struct Exporter;

#[module(handles = [Export, ExportBadly], manual)]
impl Exporter {
    async fn export(
        &mut self,
        Export(count): Export,
        ctx: &Context<Self>,
    ) -> nether::Result<nether::Streaming<u32, u32>> {
        let streaming = ctx.streaming(count, async move |out| {
            for number in 0..count {
                out.push(number).await?;
            }
            out.finish();
            Ok(())
        });
        Ok(streaming?)
    }

    async fn export_badly(
        &mut self,
        _: ExportBadly,
        ctx: &Context<Self>,
    ) -> nether::Result<nether::Streaming<(), u32>> {
        let streaming = ctx.streaming((), async |out| {
            out.push(1).await?;
            Err(nether::Error::msg("the disk is gone"))
        });
        Ok(streaming?)
    }
}

#[tokio::test]
async fn a_command_answers_with_a_stream_that_goes_on_after_the_reply() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Exporter).await?;
    let ctx = system.context();
    // Two at once do not mix, and more than a stream holds goes through.
    let (count, few) = ctx.send_streaming(Export(3)).await?;
    let (_, many) = ctx.send_streaming(Export(100_000)).await?;
    assert_eq!(count, 3);
    assert_eq!(many.try_fold(0, async |sum, _| Ok(sum + 1)).await?, 100_000);
    assert_eq!(few.try_collect::<Vec<_>>().await?, [0, 1, 2]);
    ctx.close().await?;

    let ctx = system.context();
    let ((), mut items) = ctx.send_streaming(ExportBadly).await?;
    assert_eq!(items.pull().await?, Some(1));
    assert!(matches!(items.pull().await, Err(StreamError::Unfinished)));
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    assert!(error.to_string().ends_with("the disk is gone"), "{error}");

    // A consumer that does not want the rest ends it.
    let ctx = system.context();
    let (_, items) = ctx.send_streaming(Export(100_000)).await?;
    drop(items);
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn cancelling_ends_what_follows_a_reply_at_once() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Exporter).await?;
    let ctx = system.context();
    let (_, mut items) = ctx.send_streaming(Export(100_000)).await?;
    assert_eq!(items.pull().await?, Some(0));
    ctx.cancel();
    assert!(matches!(items.pull().await, Err(StreamError::Cancelled)));
    // No consumer pulls any more, and the producer gets an error all the same.
    assert!(ctx.close().await.unwrap_err().cancelled);
    Ok(())
}

/// Waits until it is cancelled, while another handler's stream is open.
#[command]
struct Listen;

#[derive(Default)]
struct Listener;

#[module(handles = Listen, manual)]
impl Listener {
    async fn listen(&mut self, _: Listen, ctx: &Context<Self>) {
        let _numbers = ctx.stream::<u32>().produce();
        ctx.cancelled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn closing_is_at_rest_while_it_waits_for_a_handler() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Listener).await?;
    let ctx = system.context();
    let cancelling = ctx.clone();
    ctx.process(Listen).await?;
    let closing = tokio::spawn(ctx.close());
    // Virtual time goes on only when no task has anything to do.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    cancelling.cancel();
    assert!(closing.await?.unwrap_err().cancelled);
    Ok(())
}
