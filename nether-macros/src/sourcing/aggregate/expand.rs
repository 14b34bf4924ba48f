//! The code of a checked aggregate.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

use crate::header;
use crate::paths::Paths;
use crate::sourcing::aggregate::WHOSE;
use crate::sourcing::aggregate::model::Checked;
use crate::sourcing::descriptor::{Parts, descriptor, handled_by, taken};
use crate::sourcing::methods::Method;
use crate::spans::{self, Extent};

pub(in crate::sourcing) fn expand(aggregate: &Checked) -> TokenStream {
    let block = &aggregate.block;
    let Some(ty) = &aggregate.ty else {
        return quote!(#block);
    };
    let expander = Expander {
        aggregate,
        ty,
        paths: Paths::new(aggregate.renamed.clone()),
        event: format_ident!("{}Event", ty, span = spans::attribute()),
    };
    let support = if aggregate.is_broken {
        expander.stub()
    } else {
        expander.support()
    };
    quote!(#block #support)
}

struct Expander<'a> {
    aggregate: &'a Checked,
    ty: &'a Ident,
    paths: Paths,
    /// The enum of the events.
    event: Ident,
}

impl Expander<'_> {
    /// The commands count as handled, so that no error follows where they are sent.
    fn stub(&self) -> TokenStream {
        let proofs = self.aggregate.handles.iter();
        let proofs = proofs.map(|command| handled_by(self.ty, command, false, &self.paths));
        let unread = self
            .aggregate
            .unread
            .iter()
            .map(|it| header::unread(&WHOSE, it));
        quote! {
            const _: () = {
                #(#proofs)*
                #(#unread)*
            };
        }
    }

    fn support(&self) -> TokenStream {
        let descriptor = self.descriptor();
        let events = self.events();
        let aggregate = self.aggregate();
        let decisions = self.aggregate.decisions.iter().enumerate();
        let decisions = decisions.map(|(index, method)| self.decision(index, method));
        quote_spanned! {spans::attribute()=>
            const _: () = {
                #descriptor
                #events
                #aggregate
                #(#decisions)*
            };
        }
    }

    fn descriptor(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let decisions = &self.aggregate.decisions;
        let evolutions = self.aggregate.evolutions.iter();
        let parts = Parts {
            name: ty,
            module: quote!(#p::eventstore::Aggregates<#ty>),
            handles: decisions
                .iter()
                .map(|it| taken(it, "PROOF", &self.paths))
                .collect(),
            emits: evolutions
                .map(|it| {
                    let event = it.taken();
                    quote!(<#event as #p::Message>::PROOF)
                })
                .collect(),
            calls: Vec::new(),
            resources: decisions
                .iter()
                .flat_map(|it| &it.rest)
                .map(|resource| quote!(<#resource as #p::InitArgument>::DESCRIPTOR))
                .collect(),
        };
        descriptor(&parts, &self.paths)
    }

    /// One type for all events.
    fn events(&self) -> TokenStream {
        let (p, ty, event) = (self.paths.private(), self.ty, &self.event);
        let variants = self.variants();
        let (names, types): (Vec<_>, Vec<_>) = variants.into_iter().unzip();
        quote_spanned! {spans::attribute()=>
            #[doc(hidden)]
            #[allow(missing_debug_implementations, private_interfaces, clippy::large_enum_variant)]
            pub enum #event {
                #(#names(#types)),*
            }
            #(
                #[automatically_derived]
                impl #p::From<#types> for #event {
                    fn from(event: #types) -> Self {
                        #event::#names(event)
                    }
                }
                #[automatically_derived]
                #[diagnostic::do_not_recommend]
                impl #p::eventstore::EventOf<#ty> for #types {
                    fn into_event(self) -> #event {
                        #event::#names(self)
                    }
                }
            )*
        }
    }

    /// A name and a type for each event.
    fn variants(&self) -> Vec<(Ident, &Type)> {
        let events = self.aggregate.evolutions.iter().enumerate();
        let variant = |(index, method)| {
            let method: &Method = method;
            let name = format_ident!("Event{}", index, span = spans::attribute());
            (name, method.taken())
        };
        events.map(variant).collect()
    }

    fn aggregate(&self) -> TokenStream {
        let (p, ty, event) = (self.paths.private(), self.ty, &self.event);
        let es = quote!(#p::eventstore);
        let variants = self.variants();
        let names: Vec<_> = variants.iter().map(|(name, _)| name).collect();
        let types: Vec<_> = variants.iter().map(|(_, ty)| ty).collect();
        let methods = self.aggregate.evolutions.iter().map(|it| &it.name);
        let name = &self.aggregate.name;
        let settings = self.settings();
        let routes = self.aggregate.decisions.iter();
        let routes = routes.map(|it| {
            let add_to = taken(it, "add_to", &self.paths);
            quote!(#add_to::<#es::Aggregates<Self>>)
        });
        let resources: Vec<_> = self.resources().collect();
        let snapshots = self.snapshots();
        let decoded = types.iter().map(|event| {
            quote_spanned! {spans::attribute()=>
                if let #p::Option::Some(decoded) = #es::decode::<#event, _>(recorded) {
                    return #p::Option::Some(decoded);
                }
            }
        });
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Aggregate for #ty {
                const NAME: &'static str = #name;
                const SETTINGS: #es::AggregateSettings = #settings;
                type Event = #event;
                type Resources = (#(#resources,)*);
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Aggregates<Self>>)] = &[#(#routes),*];
                fn resources(resources: &#p::Resources) -> #p::Result<Self::Resources, #p::Error> {
                    let _ = resources;
                    #p::Result::Ok((#(<#resources as #p::InitArgument>::of(resources)?,)*))
                }
                fn apply(&mut self, event: &#event) {
                    match *event {
                        #(#event::#names(ref event) => Self::#methods(self, event),)*
                    }
                }
                fn encode(event: &#event, encoding: #es::Encoding) -> #p::Result<#es::Encoded, #es::Unreadable> {
                    match *event {
                        #(#event::#names(ref event) => #es::encode(event, encoding),)*
                    }
                }
                fn decode(recorded: &#es::RecordedEvent) -> #p::Option<#p::Result<#event, #es::StoreError>> {
                    #(#decoded)*
                    #p::Option::None
                }
                async fn publish(event: #event, ctx: &#p::Context<#es::Aggregates<Self>>) {
                    match event {
                        #(#event::#names(event) => #es::publish(event, ctx).await,)*
                    }
                }
                #snapshots
            }
        }
    }

    fn settings(&self) -> TokenStream {
        let p = self.paths.private();
        let Checked {
            snapshot_every,
            snapshot_version,
            cache,
            idle,
            ..
        } = self.aggregate;
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        quote_spanned! {spans::attribute()=>
            #p::eventstore::AggregateSettings {
                snapshot_every: #snapshot_every,
                snapshot_version: #snapshot_version,
                cache: #cache,
                idle: #p::Duration::from_millis(#idle),
            }
        }
    }

    /// What all decisions ask for, in order.
    fn resources(&self) -> impl Iterator<Item = &Type> {
        self.aggregate.decisions.iter().flat_map(|it| &it.rest)
    }

    fn snapshots(&self) -> Option<TokenStream> {
        let p = self.paths.private();
        (self.aggregate.snapshot_every > 0).then(|| {
            quote_spanned! {spans::attribute()=>
                fn save(&self) -> #p::Option<#p::Result<#p::eventstore::Payload, #p::eventstore::Unreadable>> {
                    #p::Option::Some(#p::eventstore::save(self))
                }
                fn restore(state: &#p::eventstore::Payload) -> #p::Option<#p::Result<Self, #p::eventstore::Unreadable>> {
                    #p::Option::Some(#p::eventstore::restore(state))
                }
            }
        })
    }

    fn decision(&self, index: usize, method: &Method) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let (command, name) = (method.taken(), &method.name);
        let before = self.aggregate.decisions[..index].iter();
        let before: usize = before.map(|it| it.rest.len()).sum();
        let arguments = (0..method.rest.len()).map(|place| {
            let place = Literal::usize_unsuffixed(before + place);
            quote_spanned!(spans::attribute()=> #p::Clone::clone(&resources.#place))
        });
        let [this, given] = ["self", "command"].map(|it| spans::name(it, spans::attribute()));
        let awaited = method.is_async.then(|| quote!(.await));
        let Extent { start, end } = Extent::of(&method.output);
        let shown = self.paths.private_at(start);
        let decided = quote_spanned!(start=> #shown::eventstore::decided::<Self, #command, _>);
        let decided = quote_spanned! {end=>
            #decided(Self::#name(#this, #given, #(#arguments),*) #awaited)
        };
        let reply = Extent::of(command).end;
        let reply = quote_spanned!(reply=> #es::reply(#this));
        let may_change = taken(method, "may_change", &self.paths);
        let proof = handled_by(self.ty, command, true, &self.paths);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #es::Decides<#command> for #ty {
                async fn decide(
                    &self, command: #command, resources: &Self::Resources,
                ) -> #p::Result<#es::Events<Self>, <#command as #p::Message>::Error> {
                    let _ = resources;
                    #decided
                }
                fn reply(&self) -> <#command as #p::Message>::Reply {
                    #reply
                }
            }
            const _: fn() = #may_change::<_>;
            #proof
        }
    }
}
