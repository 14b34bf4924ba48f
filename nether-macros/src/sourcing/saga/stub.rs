//! What stands in for a saga that has mistakes, so that they are the only ones that are reported.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use crate::header;
use crate::paths::Paths;
use crate::sourcing::definition;
use crate::sourcing::descriptor;
use crate::sourcing::saga::WHOSE;
use crate::sourcing::saga::expand::proofs;
use crate::sourcing::saga::model::CheckedSaga;
use crate::{recover, spans};

/// It is a saga, for its steps and what names it.
pub(super) fn expand(saga: &CheckedSaga, ty: &Ident, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let es = quote!(#p::eventstore);
    let descriptor = descriptor::stub(ty, paths);
    let definition = definition::constant(1, None, [].into_iter(), false, paths);
    let shown = paths.private_at(ty.span());
    let kept = quote_spanned!(ty.span()=> #shown::eventstore::kept());
    let proofs = proofs(saga, ty, paths);
    let sender = saga.takes_context.then(|| descriptor::sender(ty, paths));
    let handled = saga.listed_commands.iter();
    let handled = handled.map(|command| recover::handled_by(ty, command, paths));
    let policy = saga.policy.expand(paths);
    let unread = saga.unread.iter();
    let unread = unread.map(|it| header::unread(&WHOSE, it));
    quote_spanned! {spans::attribute()=>
        const _: () = {
            #descriptor
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Saga for #ty {
                const NAME: &'static str = "";
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                #definition
                const POLICY: #es::HandlingPolicy = #policy;
                const KEPT: #es::Keeping<Self> = #kept;
                const TIMEOUTS: &'static [#es::Timeout] = &[];
                fn starts(_: &str) -> bool {
                    false
                }
                fn ends(_: &str) -> bool {
                    false
                }
                fn key(
                    _: &#es::RecordedEvent,
                ) -> #p::Option<#p::Result<#p::String, #es::StoreError>> {
                    #p::Option::None
                }
                async fn handle(
                    &mut self, _: &#es::RecordedEvent, _: &mut #es::Step<Self>,
                ) -> #p::Result<(), #p::Error> {
                    #p::Result::Ok(())
                }
                async fn deliver(
                    command: &#es::StoredCommand, _: &#p::Context<#es::Sagas<Self>>,
                ) -> #es::Delivery {
                    #es::not_listed(command)
                }
            }
            #proofs
            #(#handled)*
            #sender
            #(#unread)*
        };
    }
}
