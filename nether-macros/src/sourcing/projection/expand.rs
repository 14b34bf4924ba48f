//! The code of a checked projection.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use crate::header;
use crate::paths::Paths;
use crate::sourcing::descriptor::{Parts, descriptor, handled_by, taken};
use crate::sourcing::methods::Method;
use crate::sourcing::projection::WHOSE;
use crate::sourcing::projection::model::{Checked, Keeps};
use crate::sourcing::projection::validate::is_transaction;
use crate::spans::{self, Extent};

pub(in crate::sourcing) fn expand(projection: &Checked) -> TokenStream {
    let block = &projection.block;
    let Some(ty) = &projection.ty else {
        return quote!(#block);
    };
    let expander = Expander {
        projection,
        ty,
        paths: Paths::new(projection.renamed.clone()),
    };
    let support = if projection.is_broken {
        expander.stub()
    } else {
        expander.support()
    };
    quote!(#block #support)
}

struct Expander<'a> {
    projection: &'a Checked,
    ty: &'a Ident,
    paths: Paths,
}

impl Expander<'_> {
    /// The queries count as handled, so that no error follows where they are asked.
    fn stub(&self) -> TokenStream {
        let queries = self.projection.queries.iter();
        let proofs = queries.map(|query| handled_by(self.ty, &query.message, false, &self.paths));
        let unread = self.projection.unread.iter();
        let unread = unread.map(|it| header::unread(&WHOSE, it));
        quote! {
            const _: () = {
                #(#proofs)*
                #(#unread)*
            };
        }
    }

    fn support(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let queries = &self.projection.queries;
        let init = self.projection.hooks.init.as_ref();
        let parts = Parts {
            name: ty,
            module: quote!(#p::eventstore::Projections<#ty>),
            handles: queries
                .iter()
                .map(|it| taken(it, "PROOF", &self.paths))
                .collect(),
            emits: Vec::new(),
            calls: Vec::new(),
            resources: init
                .iter()
                .flat_map(|init| &init.resources)
                .map(|resource| quote!(<#resource as #p::InitArgument>::DESCRIPTOR))
                .collect(),
        };
        let descriptor = descriptor(&parts, &self.paths);
        let projection = self.projection();
        let answers = queries.iter().map(|query| self.answer(query));
        quote_spanned! {spans::attribute()=>
            const _: () = {
                #descriptor
                #projection
                #(#answers)*
            };
        }
    }

    fn projection(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let name = &self.projection.name;
        let settings = self.settings();
        let routes = self.projection.queries.iter().map(|it| {
            let add_to = taken(it, "add_to", &self.paths);
            quote!(#add_to::<#es::Projections<Self>>)
        });
        let events = self.projection.events.iter().map(Method::taken);
        let (make, project, clear) = (self.make(), self.project(), self.clear());
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Projection for #ty {
                const NAME: &'static str = #name;
                const SETTINGS: #es::ProjectionSettings = #settings;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Projections<Self>>)] = &[#(#routes),*];
                #make
                fn handles(name: &str) -> bool {
                    #(name == <#events as #es::StoredEvent>::SCHEMA.name ||)* false
                }
                #project
                #clear
            }
        }
    }

    fn settings(&self) -> TokenStream {
        let p = self.paths.private();
        let keeps = match self.projection.keeps {
            Keeps::InMemory => "InMemory",
            Keeps::Elsewhere => "Elsewhere",
            Keeps::InTransaction => "InTransaction",
        };
        let keeps = spans::name(keeps, spans::attribute());
        let (parallel, retries) = (self.projection.parallel, self.projection.retries);
        let can_clear = self.projection.hooks.on_rebuild.is_some();
        quote_spanned! {spans::attribute()=>
            #p::eventstore::ProjectionSettings {
                keeps: #p::eventstore::Keeps::#keeps,
                parallel: #parallel,
                retries: #retries,
                can_clear: #can_clear,
            }
        }
    }

    fn make(&self) -> TokenStream {
        let p = self.paths.private();
        let resources = spans::name("resources", spans::attribute());
        let made = match &self.projection.hooks.init {
            None => quote!(#p::Result::Ok(#p::by_default())),
            Some(init) => {
                let method = &init.method;
                let awaited = init.is_async.then(|| quote!(.await));
                let arguments = init.resources.iter();
                let arguments =
                    arguments.map(|ty| quote!(<#ty as #p::InitArgument>::of(#resources)?));
                let Extent { start, end } = Extent::of(&init.output);
                let shown = self.paths.private_at(start);
                let into = quote_spanned!(start=> #shown::IntoModule::<Self, _>::into_module);
                quote_spanned!(end=> #into(Self::#method(#(#arguments),*) #awaited))
            }
        };
        quote_spanned! {spans::attribute()=>
            async fn make(#resources: &#p::Resources) -> #p::Result<Self, #p::Error> {
                let _ = #resources;
                #made
            }
        }
    }

    fn project(&self) -> TokenStream {
        let p = self.paths.private();
        let es = quote!(#p::eventstore);
        let events = self.projection.events.iter();
        let events = events.map(|method| self.event(method));
        let body = quote_spanned! {spans::attribute()=>
            #(#events)*
            #p::Result::Ok(())
        };
        let result = quote!(#p::Result<(), #p::Error>);
        if self.projection.keeps == Keeps::InTransaction {
            return quote_spanned! {spans::attribute()=>
                fn project_in(
                    &mut self, recorded: &#es::RecordedEvent, transaction: &#es::SqliteTransaction<'_>,
                ) -> #result {
                    #body
                }
            };
        }
        if self.projection.parallel > 1 {
            return quote_spanned! {spans::attribute()=>
                async fn project_beside(&self, recorded: &#es::RecordedEvent) -> #result { #body }
            };
        }
        quote_spanned! {spans::attribute()=>
            async fn project(&mut self, recorded: &#es::RecordedEvent) -> #result { #body }
        }
    }

    /// Handles the event if it is of that type.
    fn event(&self, method: &Method) -> TokenStream {
        let p = self.paths.private();
        let es = quote!(#p::eventstore);
        let [this, recorded, event, transaction] =
            ["self", "recorded", "event", "transaction"].map(local);
        let (name, ty) = (&method.name, method.taken());
        let awaited = method.is_async.then(|| quote!(.await));
        let rest = method.rest.iter().map(|argument| {
            if is_transaction(argument) {
                return quote!(#transaction);
            }
            let place = Extent::of(argument).end;
            let shown = self.paths.private_at(place);
            quote_spanned!(place=> #shown::eventstore::argument(#es::Place::of(#recorded)))
        });
        let Extent { start, end } = Extent::of(&method.output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
        let call = quote_spanned!(end=> #into(Self::#name(#this, &#event?, #(#rest),*) #awaited));
        let place = Extent::of(ty).end;
        let shown = self.paths.private_at(place);
        let decoded = quote_spanned!(place=> #shown::eventstore::decoded::<#ty>(#recorded));
        quote_spanned! {spans::attribute()=>
            if let #p::Option::Some(#event) = #decoded {
                return #call;
            }
        }
    }

    fn clear(&self) -> Option<TokenStream> {
        let hook = self.projection.hooks.on_rebuild.as_ref()?;
        let p = self.paths.private();
        let [this, transaction] = ["self", "transaction"].map(local);
        let name = &hook.method;
        let awaited = hook.is_async.then(|| quote!(.await));
        let passed = hook.in_transaction.then_some(&transaction);
        let Extent { start, end } = Extent::of(&hook.output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
        let call = quote_spanned!(end=> #into(Self::#name(#this, #passed) #awaited));
        let result = quote!(#p::Result<(), #p::Error>);
        Some(if hook.in_transaction {
            quote_spanned! {spans::attribute()=>
                fn clear_in(
                    &mut self, #transaction: &#p::eventstore::SqliteTransaction<'_>,
                ) -> #result {
                    #call
                }
            }
        } else {
            quote_spanned! {spans::attribute()=>
                async fn clear(&mut self) -> #result { #call }
            }
        })
    }

    fn answer(&self, method: &Method) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let (query, name) = (method.taken(), &method.name);
        let [this, given] = ["self", "query"].map(local);
        let awaited = method.is_async.then(|| quote!(.await));
        let Extent { start, end } = Extent::of(&method.output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoReply::<#query, _, _, _>::into_reply);
        let call = quote_spanned!(end=> #into(Self::#name(#this, #given) #awaited));
        let proof = handled_by(self.ty, query, true, &self.paths);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::eventstore::Answers<#query> for #ty {
                async fn answer(
                    &self, #given: #query,
                ) -> #p::Result<<#query as #p::Message>::Reply, <#query as #p::Message>::Error> {
                    #call
                }
            }
            #proof
        }
    }
}

/// A local name of generated code.
fn local(name: &str) -> Ident {
    spans::name(name, spans::attribute())
}
