//! The probe of replies with headers: see [`Probe`].

#![allow(missing_docs)] // Not public API. Used by generated code.

use crate::http::endpoints::endpoint::{ReplyHeader, ReplyHeaders};
use crate::http::endpoints::probe::Probe;
use crate::http::replies::reply::{Created, WithHeaders};

macro_rules! probed {
    ($($reply:ident),*) => {
        $(
            impl<T> Probe<$reply<T>> {
                pub fn headers(reply: &$reply<T>) -> Option<ReplyHeaders> {
                    reply.added()
                }
            }

            impl<T> Probe<Option<$reply<T>>> {
                pub fn headers(reply: &Option<$reply<T>>) -> Option<ReplyHeaders> {
                    reply.as_ref().and_then($reply::added)
                }
            }

            impl Probe<$reply<()>> {
                pub const IS_NOTHING: bool = true;
            }

            impl<T> Probe<$reply<Option<T>>> {
                pub const IS_OPTION: bool = true;
            }
        )*
    };
}

probed!(WithHeaders, Created);

const CREATED: &[ReplyHeader] = &[ReplyHeader {
    name: "Location",
    docs: "Where it is",
}];

impl<T> Probe<Created<T>> {
    pub const STATUS: Option<u16> = Some(201);
    pub const HEADERS: &'static [ReplyHeader] = CREATED;
}

impl<T> Probe<Option<Created<T>>> {
    pub const STATUS: Option<u16> = Some(201);
    pub const HEADERS: &'static [ReplyHeader] = CREATED;
}
