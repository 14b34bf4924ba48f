//! [`Unexecuted`]: why a command has neither a reply nor an error of its own.

use crate::error::Error;
use crate::eventstore::backend::StoreError;
use crate::eventstore::handling::CutOff;
use crate::guarded::HandlerFault;

/// Why a command was not executed.
#[derive(Debug)]
pub(in crate::eventstore) enum Unexecuted {
    Store(StoreError),
    /// Its decision was cut off, so that nothing is stored.
    CutOff(CutOff),
    /// What it waited for has failed.
    Other(Error),
}

impl From<StoreError> for Unexecuted {
    fn from(error: StoreError) -> Self {
        Unexecuted::Store(error)
    }
}

impl From<CutOff> for Unexecuted {
    fn from(cut_off: CutOff) -> Self {
        Unexecuted::CutOff(cut_off)
    }
}

impl From<Unexecuted> for HandlerFault {
    fn from(unexecuted: Unexecuted) -> Self {
        match unexecuted {
            Unexecuted::Store(error) => HandlerFault::Unavailable(Box::new(error.into())),
            Unexecuted::CutOff(cut_off) => cut_off.into(),
            Unexecuted::Other(error) => HandlerFault::Unavailable(Box::new(error)),
        }
    }
}
