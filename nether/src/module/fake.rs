//! [`Fake`]: a function that stands in for the handler of one command or query, in a test.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::context::Handle;
use crate::declaration::Declaration;
use crate::envelope::{Given, Header, Reply};
use crate::error::SendError;
use crate::guarded::HandlerFault;
use crate::message::{ByValue, Message};
use crate::module::handler::{Replied, failure_of, keep};
use crate::route::{BoxFuture, Inline};
use crate::sync::lock;

/// What the module of a fake is called.
pub(crate) static FAKE: Declaration = Declaration {
    name: "a fake",
    file: file!(),
    line: line!(),
    column: column!(),
};

/// What answers in place of a handler.
type FakeAnswer<M> = dyn FnMut(M) -> Replied<M> + Send;

/// A function in place of a handler.
pub(crate) struct Fake<M: Message>(Mutex<Box<FakeAnswer<M>>>);

impl<M: ByValue + Send> Fake<M> {
    pub(crate) fn new(answer: impl FnMut(M) -> Replied<M> + Send + 'static) -> Self {
        Fake(Mutex::new(Box::new(answer)))
    }

    fn answer(&self, mut given: Given<M>, header: Header) -> Reply<M> {
        let message = given.message();
        let answered = catch_unwind(AssertUnwindSafe(|| lock(&self.0)(message)));
        let handle = Handle::of(header);
        let awaited = handle.message.is_some_and(|label| label.is_awaited());
        let result = answered.map_err(HandlerFault::Panicked);
        let (reply, _) = failure_of::<M>(result, awaited, &handle, &FAKE, &|| None);
        handle.scope.finish(1);
        reply
    }

    fn answer_nobody(&self, given: Given<M>, header: Header) {
        let handle = Handle::of(header.clone());
        if let Err(error) = self.answer(given, header) {
            keep::<M>(error, &handle, &FAKE);
        }
    }
}

impl<M: ByValue + Send> Inline<Given<M>> for Fake<M> {
    fn call(self: Arc<Self>, given: Given<M>, header: Header, _: bool) -> BoxFuture<Reply<M>> {
        Box::pin(ready(self.answer(given, header)))
    }

    fn post(
        self: Arc<Self>,
        given: Given<M>,
        header: Header,
        _: bool,
    ) -> Result<Option<BoxFuture<Result<(), SendError>>>, SendError> {
        self.answer_nobody(given, header);
        Ok(None)
    }

    fn try_call(
        self: Arc<Self>,
        given: &mut Option<Given<M>>,
        header: Header,
        is_external: bool,
    ) -> Result<BoxFuture<Reply<M>>, SendError> {
        let given = given
            .take()
            .ok_or(SendError::Stopped { message: M::NAME })?;
        Ok(self.call(given, header, is_external))
    }

    fn try_post(
        self: Arc<Self>,
        given: &mut Option<Given<M>>,
        header: Header,
        _: bool,
    ) -> Result<(), SendError> {
        let given = given
            .take()
            .ok_or(SendError::Stopped { message: M::NAME })?;
        self.answer_nobody(given, header);
        Ok(())
    }
}
