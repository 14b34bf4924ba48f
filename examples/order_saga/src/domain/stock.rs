//! The stock: pieces on the shelf.

use nether::prelude::*;

/// Put pieces on the shelf.
#[command(key = article)]
pub struct Stock {
    /// The article.
    pub article: String,
    /// How many.
    pub pieces: u32,
}

/// Keep pieces for an order.
#[command(name = "stock.reserve", key = article, error = SoldOut)]
pub struct Reserve {
    /// The article.
    pub article: String,
    /// For which order.
    pub order_id: u32,
    /// How many.
    pub pieces: u32,
}

/// Put the pieces of an order back.
#[command(name = "stock.release", key = article)]
pub struct Release {
    /// The article.
    pub article: String,
    /// The order.
    pub order_id: u32,
    /// How many.
    pub pieces: u32,
}

/// Pieces came.
#[event(name = "stock.stocked")]
pub struct Stocked {
    /// The article.
    pub article: String,
    /// How many.
    pub pieces: u32,
}

/// Pieces are kept for an order.
#[event(name = "stock.reserved")]
pub struct Reserved {
    /// The article.
    pub article: String,
    /// For which order.
    pub order_id: u32,
    /// How many.
    pub pieces: u32,
}

/// The pieces of an order are back.
#[event(name = "stock.released")]
pub struct Released {
    /// The article.
    pub article: String,
    /// The order.
    pub order_id: u32,
    /// How many.
    pub pieces: u32,
}

/// There is not enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{article} is sold out")]
pub struct SoldOut {
    /// The article.
    pub article: String,
}

/// An article on the shelf.
#[derive(Debug, Default)]
pub struct Shelf {
    pieces: u32,
}

#[aggregate(handles = [Stock, Reserve, Release], events = [Stocked, Reserved, Released])]
impl Shelf {
    fn stock(&self, stock: Stock) -> Stocked {
        let Stock { article, pieces } = stock;
        Stocked { article, pieces }
    }

    fn reserve(&self, reserve: Reserve) -> Result<Reserved, SoldOut> {
        let Reserve {
            article,
            order_id,
            pieces,
        } = reserve;
        if pieces > self.pieces {
            return Err(SoldOut { article });
        }
        Ok(Reserved {
            article,
            order_id,
            pieces,
        })
    }

    fn release(&self, release: Release) -> Released {
        let Release {
            article,
            order_id,
            pieces,
        } = release;
        Released {
            article,
            order_id,
            pieces,
        }
    }

    fn stocked(&mut self, event: &Stocked) {
        self.pieces += event.pieces;
    }

    fn reserved(&mut self, event: &Reserved) {
        self.pieces -= event.pieces;
    }

    fn released(&mut self, event: &Released) {
        self.pieces += event.pieces;
    }
}
