//! A stream that a unit of work shares: `cargo run -p streaming`, or `cargo run -p streaming -- 1000` for
//! more of it.
//!
//! A producer feeds it, two workers share what is in it, and a monitor watches all of it. Ctrl-C cancels the
//! unit of work: the stream ends, each handler that was at it says how far it came, and the program ends in
//! order.

#[cfg(test)]
mod tests;

use std::time::Duration;

use nether::prelude::*;
use nether::{PushError, StreamError};

/// A page to be read.
#[derive(Debug, Clone)]
pub struct Page(u32);

/// Feed so many pages into the stream. Replies with how many it took.
#[command(reply = u32)]
pub struct Produce {
    /// How many.
    pub pages: u32,
}

/// Read pages until there are no more. Replies with how many there were.
#[command(reply = u32)]
pub struct Work;

/// Watch the pages go by.
#[command]
pub struct Watch {
    /// How many there will be.
    pub pages: u32,
}

/// Fetches pages.
#[derive(Debug, Default)]
pub struct Fetcher;

#[module(handles = Produce)]
impl Fetcher {
    async fn produce(&self, wanted: Produce, ctx: &Context<Self>) -> nether::Result<u32> {
        // It holds four pages: when the workers are behind, the fetcher waits.
        let pages = ctx.stream::<Page>().with_capacity(4).produce();
        for number in 1..=wanted.pages {
            tokio::time::sleep(Duration::from_millis(10)).await; // It takes a while to fetch one.
            match pages.push(Page(number)).await {
                Ok(()) => {}
                Err(refused) if refused.error == PushError::Cancelled => {
                    println!("cancelled after {} pages were fetched", number - 1);
                    return Ok(number - 1);
                }
                Err(refused) => return Err(refused.into()),
            }
        }
        pages.finish();
        Ok(wanted.pages)
    }
}

/// Reads pages. It is a shared module, so that its handlers run side by side.
#[derive(Debug, Default)]
pub struct Readers;

#[module(handles = Work)]
impl Readers {
    async fn work(&self, _: Work, ctx: &Context<Self>) -> nether::Result<u32> {
        let mut pages = ctx.stream::<Page>().join();
        let mut read = 0;
        loop {
            match pages.pull().await {
                Ok(Some(Page(_))) => tokio::time::sleep(Duration::from_millis(15)).await,
                Ok(None) => return Ok(read),
                Err(StreamError::Cancelled) => {
                    println!("cancelled after {read} pages were read");
                    return Ok(read);
                }
                Err(error) => return Err(error.into()),
            }
            read += 1;
        }
    }
}

/// Shows the progress.
#[derive(Debug, Default)]
pub struct Monitor;

#[module(handles = Watch)]
impl Monitor {
    async fn watch(&self, watched: Watch, ctx: &Context<Self>) -> nether::Result<()> {
        let mut pages = ctx.stream::<Page>().watch();
        let step = (watched.pages / 4).max(1);
        let how = loop {
            match pages.pull().await {
                Ok(Some(page)) if page.0 % step == 0 => {
                    println!("{} of {} pages", page.0, watched.pages);
                }
                Ok(Some(_)) => {}
                Ok(None) => break "that is all",
                Err(StreamError::Cancelled) => break "cancelled",
                Err(error) => return Err(error.into()),
            }
        };
        println!("{how}");
        Ok(())
    }
}

/// Fetches and reads pages; tells how many were fetched, and how many read.
async fn run(ctx: &Context, pages: u32) -> nether::Result<(u32, u32)> {
    let (fetched, first, second, ()) = tokio::try_join!(
        async { Ok::<_, nether::Error>(ctx.send(Produce { pages }).await?) },
        async { Ok(ctx.send(Work).await?) },
        async { Ok(ctx.send(Work).await?) },
        async { Ok(ctx.send(Watch { pages }).await?) },
    )?;
    Ok((fetched, first + second))
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    let pages = std::env::args()
        .nth(1)
        .map_or(Ok(20), |pages| pages.parse())?;
    let ctx = system.context();
    tokio::select! {
        told = run(&ctx, pages) => {
            let (fetched, read) = told?;
            println!("{fetched} pages fetched, {read} read");
        }
        // Callers that wait for a reply are notified at once; the handlers end in order, and `close` waits
        // for them.
        () = system.stop_requested() => ctx.cancel(),
    }
    match ctx.close().await {
        Err(error) if error.cancelled && error.failures.is_empty() => {
            println!("stopped in order");
            Ok(())
        }
        ended => Ok(ended.map(drop)?),
    }
}
