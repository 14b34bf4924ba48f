//! The example's modules: all is written, or nothing.

use nether::prelude::*;

use crate::database::Database;
use crate::{Books, PlaceOrder};

#[tokio::test]
async fn an_order_that_cannot_be_served_leaves_nothing_behind() -> nether::Result<()> {
    let path =
        std::env::temp_dir().join(format!("nether-unit-of-work-test-{}", std::process::id()));
    let builder = System::builder().provide(Database::create(&path)?);
    let system = builder.start().await?;
    let before = system.context().ask(Books).await?;
    assert_eq!(before, ["in stock: 5 tea"]);

    let ctx = system.context();
    let article = || "tea".to_owned();
    for pieces in [2, 9] {
        let order = PlaceOrder {
            article: article(),
            pieces,
        };
        assert_eq!(ctx.send(order).await.is_ok(), pieces == 2);
    }
    // The first one went well, but it is one unit of work with the second.
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.transactions.rolled_back.len(), 1);
    assert_eq!(system.context().ask(Books).await?, before);

    let ctx = system.context();
    ctx.send(PlaceOrder {
        article: article(),
        pieces: 5,
    })
    .await?;
    ctx.close().await?;
    assert_eq!(
        system.context().ask(Books).await?,
        ["ordered: 5 tea", "in stock: 0 tea"]
    );
    system.shutdown().await;
    std::fs::remove_file(path)?;
    Ok(())
}
