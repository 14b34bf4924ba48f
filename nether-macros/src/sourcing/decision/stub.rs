//! What stands in for a decision that has mistakes, so that they are the only ones that are reported.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::sourcing::decision::WHOSE;
use crate::sourcing::decision::expand::DecisionExpander;
use crate::sourcing::descriptor;
use crate::spans;
use crate::{header, recover};

/// It is a decision over nothing, for what names it, and what it lists counts as handled.
pub(super) fn expand(expander: &DecisionExpander<'_>) -> TokenStream {
    let DecisionExpander {
        decision,
        ty,
        paths,
    } = expander;
    let p = paths.private();
    let es = quote!(#p::eventstore);
    let descriptor = descriptor::stub(ty, paths);
    let policy = decision.policy.expand(paths);
    let sender = decision
        .takes_context
        .then(|| descriptor::sender(ty, paths));
    let proofs = decision.handles.iter();
    let proofs = proofs.map(|message| recover::handled_by(ty, message, paths));
    let unread = decision.unread.iter();
    let unread = unread.map(|it| header::unread(&WHOSE, it));
    quote_spanned! {spans::attribute()=>
        const _: () = {
            #descriptor
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::DecisionParts for #ty {
                type Of = ();
                type Resources = ();
            }
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Decision for #ty {
                const POLICY: #es::HandlingPolicy = #policy;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Decisions<Self>>)] = &[];
                fn resources(_: &#p::Resources) -> #p::Result<(), #p::Error> {
                    #p::Result::Ok(())
                }
            }
            #sender
            #(#proofs)*
            #(#unread)*
        };
    }
}
