//! The carrier, which brings orders to where they go.

use nether::prelude::*;

use crate::application::fulfilment::Ship;

/// Drives nearly everywhere.
#[derive(Debug, Default)]
pub struct Carrier;

#[module(handles = Ship)]
impl Carrier {
    async fn ship(&self, ship: Ship) -> nether::Result<()> {
        if ship.address == "the moon" {
            return Err(nether::Error::msg("no road leads to the moon"));
        }
        Ok(())
    }
}
