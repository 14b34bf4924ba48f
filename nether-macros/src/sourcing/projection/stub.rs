//! What stands in for a projection that has mistakes, so that they are the only ones that are reported.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::sourcing::definition;
use crate::sourcing::descriptor;
use crate::sourcing::projection::WHOSE;
use crate::sourcing::projection::expand::ProjectionExpander;
use crate::spans;
use crate::{header, recover};

/// It is a projection, for what names it, and its queries count as handled.
pub(super) fn expand(expander: &ProjectionExpander<'_>) -> TokenStream {
    let ProjectionExpander {
        projection,
        ty,
        paths,
    } = expander;
    let p = paths.private();
    let es = quote!(#p::eventstore);
    let descriptor = descriptor::stub(ty, paths);
    let settings = expander.settings();
    let definition = definition::constant(1, None, [].into_iter(), false, paths);
    let sender = projection
        .takes_context
        .then(|| descriptor::sender(ty, paths));
    let proofs = projection.handles.iter();
    let proofs = proofs.map(|message| recover::handled_by(ty, message, paths));
    let unread = projection.unread.iter();
    let unread = unread.map(|it| header::unread(&WHOSE, it));
    quote_spanned! {spans::attribute()=>
        const _: () = {
            #descriptor
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Projection for #ty {
                const NAME: &'static str = "";
                const SETTINGS: #es::ProjectionSettings = #settings;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                #definition
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Projections<Self>>)] = &[];
                async fn make(
                    _: &#p::Resources,
                    _: #es::Tables,
                ) -> #p::Result<Self, #p::Error> {
                    ::core::unreachable!()
                }
            }
            #sender
            #(#proofs)*
            #(#unread)*
        };
    }
}
