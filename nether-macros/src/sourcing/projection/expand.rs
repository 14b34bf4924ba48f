//! The code of a checked projection.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use crate::init;
use crate::lints;
use crate::paths::Paths;
use crate::sourcing::definition;
use crate::sourcing::descriptor::{Parts, descriptor, handled_by, launched, said};
use crate::sourcing::methods::{self, Method};
use crate::sourcing::projection::model::{CheckedProjection, Keeps};
use crate::sourcing::registered::{named_events, registered};
use crate::spans::{self, Extent};

pub(super) struct ProjectionExpander<'a> {
    pub(super) projection: &'a CheckedProjection,
    pub(super) ty: &'a Ident,
    pub(super) paths: Paths,
}

impl<'a> ProjectionExpander<'a> {
    /// `None` if nothing can be made of it but the block itself.
    pub(super) fn new(projection: &'a CheckedProjection) -> Option<Self> {
        let ty = projection.ty.as_ref()?;
        Some(ProjectionExpander {
            projection,
            ty,
            paths: Paths::new(projection.renamed.clone()),
        })
    }

    pub(super) fn support(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let queries = &self.projection.queries;
        let resources = self.projection.hooks.init.as_ref();
        let resources = resources.map_or(&[][..], |init| &init.resources);
        let parts = Parts {
            name: ty,
            launch: launched(&quote!(#p::eventstore::Projections<#ty>), &self.paths),
            handles: queries
                .iter()
                .map(|it| said(it.taken(), "ListedQuery", "LISTED", &self.paths))
                .collect(),
            emits: quote!(&[]),
            calls: Vec::new(),
            resources: init::descriptors(resources).collect(),
        };
        let slots = init::slots(resources, &self.paths);
        let descriptor = descriptor(&parts, &self.paths);
        let projection = self.projection();
        let answers = queries.iter().map(|query| self.answer(query));
        let events = self.projection.events.iter().map(Method::taken);
        let named = named_events(events, ty, &self.paths);
        let registered = registered("projection", ty, &TokenStream::new(), &self.paths);
        let lints = lints::of_block(&self.projection.block);
        quote_spanned! {spans::attribute()=>
            #lints
            const _: () = {
                #slots
                #descriptor
                #projection
                #(#answers)*
                #named
                #registered
            };
        }
    }

    fn projection(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let name = &self.projection.name;
        let settings = self.settings();
        let routes = self.projection.queries.iter();
        let routes = routes.map(|it| {
            let add_to = said(it.taken(), "ListedQuery", "add_to", &self.paths);
            quote_spanned!(Extent::of(it.taken()).end=> #add_to::<Self>)
        });
        let CheckedProjection {
            version,
            from,
            events,
            ..
        } = self.projection;
        let init = self.projection.hooks.init.as_ref();
        let names_tables = init.is_some_and(|init| init.is_tables.contains(&true));
        let names = definition::names(events, &self.paths);
        let definition = definition::constant(*version, *from, names, names_tables, &self.paths);
        let (make, project, clear) = (self.make(), self.project(), self.clear());
        let within = self.projection.transaction.as_ref().map(|_| {
            let p = self.paths.private();
            quote_spanned! {spans::attribute()=>
                const IN_TRANSACTION: #p::Option<#es::InTransaction<Self>> =
                    #p::Option::Some(#es::in_transaction::<Self>());
            }
        });
        let copy = (!self.projection.queries.is_empty()).then(|| self.copy());
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Projection for #ty {
                const NAME: &'static str = #name;
                const SETTINGS: #es::ProjectionSettings = #settings;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Projections<Self>>)] = &[#(#routes),*];
                #definition
                #copy
                #within
                #make
                #project
                #clear
            }
        }
    }

    /// How it is copied, if it is `Clone`: the constant of the type is found before that of the trait.
    fn copy(&self) -> TokenStream {
        let p = self.paths.private();
        quote_spanned! {spans::attribute()=>
            const COPY: #p::Option<fn(&Self) -> Self> = {
                use #p::eventstore::NeverCopied as _;
                <#p::eventstore::Copied<Self>>::COPY
            };
        }
    }

    pub(super) fn settings(&self) -> TokenStream {
        let p = self.paths.private();
        let keeps = match self.projection.keeps {
            Keeps::InMemory => "InMemory",
            Keeps::Elsewhere => "Elsewhere",
            Keeps::InTransaction => "InTransaction",
        };
        let keeps = spans::name(keeps, spans::attribute());
        let parallel = self.projection.parallel;
        let policy = self.projection.policy.expand(&self.paths);
        let can_clear = self.projection.hooks.on_rebuild.is_some();
        quote_spanned! {spans::attribute()=>
            #p::eventstore::ProjectionSettings {
                keeps: #p::eventstore::Keeps::#keeps,
                parallel: #parallel,
                policy: #policy,
                can_clear: #can_clear,
            }
        }
    }

    fn make(&self) -> TokenStream {
        let p = self.paths.private();
        let [resources, tables] = ["resources", "tables"].map(local);
        let made = match &self.projection.hooks.init {
            None => {
                let shown = self.paths.private_at(self.ty.span());
                let made = quote_spanned!(self.ty.span()=> #shown::eventstore::begin());
                quote!(#p::Result::Ok(#made))
            }
            Some(init) => {
                let method = &init.method;
                let awaited = init.is_async.then(|| quote!(.await));
                let mut found = init::found(init.resources.len(), &resources);
                let arguments = init.is_tables.iter().map(|is_tables| match is_tables {
                    true => Some(quote!(#p::Clone::clone(&#tables))),
                    false => found.next(),
                });
                let Extent { start, end } = Extent::of(&init.output);
                let shown = self.paths.private_at(start);
                let into = quote_spanned!(start=> #shown::IntoModule::<Self, _>::into_module);
                quote_spanned!(end=> #into(Self::#method(#(#arguments),*) #awaited))
            }
        };
        quote_spanned! {spans::attribute()=>
            async fn make(
                #resources: &#p::Resources,
                #tables: #p::eventstore::Tables,
            ) -> #p::Result<Self, #p::Error> {
                let _ = (#resources, &#tables);
                #made
            }
        }
    }

    fn project(&self) -> Option<TokenStream> {
        if self.projection.keeps == Keeps::InTransaction {
            return None;
        }
        let p = self.paths.private();
        let es = quote!(#p::eventstore);
        let events = self.projection.events.iter();
        let events = events.map(|method| self.event(method));
        let body = quote_spanned! {spans::attribute()=>
            #(#events)*
            #p::Result::Ok(())
        };
        let place = methods::waiting(&self.projection.events);
        let at = self.paths.private_at(place);
        let result = quote_spanned!(place=> #at::Result<(), #at::Error>);
        if self.projection.parallel > 1 {
            let arguments =
                quote_spanned!(spans::attribute()=> (&self, recorded: &#es::RecordedEvent));
            return Some(
                quote_spanned!(place=> async fn project_beside #arguments -> #result { #body }),
            );
        }
        let arguments =
            quote_spanned!(spans::attribute()=> (&mut self, recorded: &#es::RecordedEvent));
        Some(quote_spanned!(place=> async fn project #arguments -> #result { #body }))
    }

    /// Handles the event if it is of that type.
    fn event(&self, method: &Method) -> TokenStream {
        let p = self.paths.private();
        let es = quote!(#p::eventstore);
        let [this, recorded, event] = ["self", "recorded", "event"].map(local);
        let (name, ty) = (&method.name, method.taken());
        let awaited = method.is_async.then(|| quote!(.await));
        let place = quote_spanned!(spans::attribute()=> &mut #es::EventPlace::of(#recorded));
        let rest = self.asked(method, &place);
        let Extent { start, end } = Extent::of(&method.output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
        let call = quote_spanned!(end=> #into(Self::#name(#this, &#event?, #(#rest),*) #awaited));
        let decoded = said(ty, "StoredEvent", "decoded", &self.paths);
        quote_spanned! {spans::attribute()=>
            if let #p::Option::Some(#event) = #decoded(#recorded) {
                return #call;
            }
        }
    }

    /// What a handler asks for behind the event.
    pub(super) fn asked(&self, method: &Method, place: &TokenStream) -> Vec<TokenStream> {
        let rest = method.rest.iter().map(|argument| {
            let at = Extent::of(argument).end;
            let shown = self.paths.private_at(at);
            quote_spanned!(at=> #shown::eventstore::argument(#place))
        });
        rest.collect()
    }

    fn clear(&self) -> Option<TokenStream> {
        let hook = self.projection.hooks.on_rebuild.as_ref()?;
        if self.projection.keeps == Keeps::InTransaction {
            return None;
        }
        let p = self.paths.private();
        let this = local("self");
        let name = &hook.method;
        let awaited = hook.is_async.then(|| quote!(.await));
        let Extent { start, end } = Extent::of(&hook.output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
        let call = quote_spanned!(end=> #into(Self::#name(#this) #awaited));
        Some(quote_spanned! {spans::attribute()=>
            async fn clear(&mut self) -> #p::Result<(), #p::Error> { #call }
        })
    }

    fn answer(&self, method: &Method) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let (query, name) = (method.taken(), &method.name);
        let of_query = |what| said(query, "ListedQuery", what, &self.paths);
        let (itself, reply, error) = (of_query("Itself"), of_query("Reply"), of_query("Error"));
        let [this, given] = ["self", "query"].map(local);
        let awaited = method.is_async.then(|| quote!(.await));
        let Extent { start, end } = Extent::of(&method.output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoReply::<#query, _, _, _>::into_reply);
        let call = quote_spanned!(end=> #into(Self::#name(#this, #given) #awaited));
        let its = quote_spanned! {Extent::of(query).end=>
            type Itself = #itself;
            type Reply = #reply;
            type Error = #error;
        };
        // A future that is not `Send` is shown at the method's name.
        let at = if method.is_async {
            name.span()
        } else {
            Extent::of(query).end
        };
        let at_name = self.paths.private_at(at);
        let answers = quote_spanned!(at=> #at_name::eventstore::Answers<#query>);
        let arguments = quote_spanned!(spans::attribute()=> (&#this, #given: #query));
        let answer = quote_spanned! {at=>
            async fn answer #arguments -> #at_name::Result<
                <Self as #answers>::Reply, <Self as #answers>::Error,
            > {
                #call
            }
        };
        let proof = handled_by(self.ty, query, &self.paths);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::eventstore::Answers<#query> for #ty {
                #its
                #answer
            }
            #proof
        }
    }
}

/// A local name of generated code.
pub(super) fn local(name: &str) -> Ident {
    spans::name(name, spans::attribute())
}
