//! [`Fake`]: a function that stands in for the handler of one command or query, in a test.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::context::Handle;
use crate::declaration::Declaration;
use crate::envelope::{Given, Header, Reply};
use crate::error::{FailureKind, SendError};
use crate::guarded::HandlerFault;
use crate::message::{ByValue, Message};
use crate::module::handler::{Replied, conclude, failure_of, origin_of};
use crate::route::{BoxFuture, Inline, InlineCall};
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

    fn answer(&self, mut given: Given<M>, handle: &Handle) -> Reply<M> {
        let message = given.message();
        let answered = catch_unwind(AssertUnwindSafe(|| lock(&self.0)(message)));
        let awaited = handle.message.is_some_and(|label| label.is_awaited());
        let handled = answered.map_err(HandlerFault::Panicked);
        conclude::<M>(handled)
            .map_err(|failed| failure_of::<M>(*failed, awaited, handle, &FAKE, &|| None).0)
    }

    fn answer_caller(&self, given: Given<M>, header: Header) -> BoxFuture<Reply<M>> {
        let handle = Handle::of(header);
        let reply = self.answer(given, &handle);
        handle.scope.finish(1);
        Box::pin(ready(reply))
    }

    fn answer_nobody(&self, given: Given<M>, header: Header) {
        let handle = Handle::of(header);
        if let Err(error) = self.answer(given, &handle) {
            origin_of(&handle, M::NAME, &FAKE).keep(FailureKind::of(error));
        }
        handle.scope.finish(1);
    }
}

impl<M: ByValue + Send> Inline<Given<M>> for Fake<M> {
    fn call(
        self: Arc<Self>,
        given: Given<M>,
        header: Header,
        _: bool,
    ) -> Result<InlineCall<Reply<M>>, SendError> {
        Ok(InlineCall::Accepted(self.answer_caller(given, header)))
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
        _: bool,
    ) -> Result<BoxFuture<Reply<M>>, SendError> {
        let given = given
            .take()
            .ok_or(SendError::Stopped { message: M::NAME })?;
        Ok(self.answer_caller(given, header))
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
