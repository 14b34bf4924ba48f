//! The code of a checked aggregate.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

use crate::lints;
use crate::paths::Paths;
use crate::sourcing::aggregate::model::CheckedAggregate;
use crate::sourcing::descriptor::{Parts, descriptor, handled_by, launched, said};
use crate::sourcing::methods::{Method, is_facts};
use crate::sourcing::registered::{named_events, registered};
use crate::spans::{self, Extent};

pub(super) struct AggregateExpander<'a> {
    pub(super) aggregate: &'a CheckedAggregate,
    pub(super) ty: &'a Ident,
    pub(super) paths: Paths,
    /// The enum of the events.
    pub(super) event: Ident,
}

impl<'a> AggregateExpander<'a> {
    /// `None` if nothing can be made of it but the block itself.
    pub(super) fn new(aggregate: &'a CheckedAggregate) -> Option<Self> {
        let ty = aggregate.ty.as_ref()?;
        Some(AggregateExpander {
            aggregate,
            ty,
            paths: Paths::new(aggregate.renamed.clone()),
            event: format_ident!("{}Event", ty, span = spans::attribute()),
        })
    }

    pub(super) fn support(&self) -> TokenStream {
        let descriptor = self.descriptor();
        let events = self.events(&self.variants());
        let aggregate = self.aggregate();
        let handlers = self.aggregate.handlers.iter().enumerate();
        let handlers = handlers.map(|(index, method)| self.handler(index, method));
        let stored = self.aggregate.evolutions.iter().map(Method::taken);
        let named = named_events(stored, self.ty, &self.paths);
        let registered = registered("aggregate", self.ty, &TokenStream::new(), &self.paths);
        let lints = lints::of_block(&self.aggregate.block);
        quote_spanned! {spans::attribute()=>
            #lints
            const _: () = {
                #descriptor
                #events
                #aggregate
                #(#handlers)*
                #named
                #registered
            };
        }
    }

    fn descriptor(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let handlers = &self.aggregate.handlers;
        let evolutions = self.aggregate.evolutions.iter();
        let parts = Parts {
            name: ty,
            launch: launched(&quote!(#p::eventstore::Aggregates<#ty>), &self.paths),
            handles: handlers
                .iter()
                .map(|it| said(it.taken(), "AggregateMessage", "LISTED", &self.paths))
                .collect(),
            emits: {
                let emits =
                    evolutions.map(|it| said(it.taken(), "StoredEvent", "LISTED", &self.paths));
                quote!(&[#(#emits),*])
            },
            calls: Vec::new(),
            resources: handlers
                .iter()
                .flat_map(Method::named_resources)
                .map(|(ty, name)| {
                    let described = said(ty, "DecisionArgument", "DESCRIPTOR", &self.paths);
                    let named = name.map(|name| quote!(.named(#name)));
                    quote!(#described #named)
                })
                .collect(),
        };
        descriptor(&parts, &self.paths)
    }

    /// One type for all events.
    pub(super) fn events(&self, variants: &[(Ident, &Type)]) -> TokenStream {
        let (p, ty, event) = (self.paths.private(), self.ty, &self.event);
        let names = variants.iter().map(|(name, _)| name);
        let names: Vec<&Ident> = names.collect();
        let types: Vec<&Type> = variants.iter().map(|(_, ty)| *ty).collect();
        quote_spanned! {spans::attribute()=>
            #[doc(hidden)]
            pub enum #event {
                #(#names(#p::eventstore::Held<#types>)),*
            }
            #(
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
        variants(self.aggregate.evolutions.iter().map(Method::taken))
    }

    /// The types that belong to it; `first` is the message that says of which type its key is.
    pub(super) fn parts(&self, first: Option<&Method>, resources: &[&Type]) -> TokenStream {
        let (p, ty, event) = (self.paths.private(), self.ty, &self.event);
        let key = match first {
            Some(first) => {
                let key = said(first.taken(), "AggregateMessage", "KeyOr", &self.paths);
                // A type that is no message has its error at the argument alone.
                quote_spanned!(Extent::of(first.taken()).end=> #key<__Other>)
            }
            None => quote!(__Other),
        };
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::eventstore::Parts for #ty {
                type Event = #event;
                type KeyOr<__Other> = #key;
                type Resources = (#(#resources,)*);
            }
        }
    }

    fn aggregate(&self) -> TokenStream {
        let (p, ty, event) = (self.paths.private(), self.ty, &self.event);
        let es = quote!(#p::eventstore);
        let variants = self.variants();
        let names: Vec<_> = variants.iter().map(|(name, _)| name).collect();
        let stored = |what| {
            let events = variants.iter();
            events.map(move |(_, event)| said(event, "StoredEvent", what, &self.paths))
        };
        let (encoded, decoded) = (stored("encoded"), stored("decoded"));
        let [event_name, ctx] = ["event", "ctx"].map(|it| spans::name(it, spans::attribute()));
        // The call that is awaited is shown at the event, too.
        let shown = variants.iter().map(|(_, ty)| {
            let shown = said(ty, "StoredEvent", "shown", &self.paths);
            quote_spanned!(Extent::of(ty).end=> #shown(#event_name, #ctx).await)
        });
        let methods = self.aggregate.evolutions.iter().map(|it| &it.name);
        let name = &self.aggregate.name;
        let settings = self.settings();
        let routes = self.aggregate.handlers.iter();
        let routes = routes.map(|it| {
            let add_to = said(it.taken(), "AggregateMessage", "add_to", &self.paths);
            quote_spanned!(Extent::of(it.taken()).end=> #add_to::<Self>)
        });
        let resources: Vec<_> = self.resources().collect();
        let parts = self.parts(self.aggregate.handlers.first(), &resources);
        let asked = self.aggregate.handlers.iter();
        let asked = asked.flat_map(Method::named_resources).map(|(ty, name)| {
            let of = said(ty, "DecisionArgument", "of", &self.paths);
            let name = match name {
                Some(name) => quote!(#p::Option::Some(#name)),
                None => quote!(#p::Option::None),
            };
            quote_spanned!(spans::attribute()=> #of(resources, #name)?)
        });
        let snapshots = self.snapshots();
        // What the state has to be is shown at its name.
        let at_name = self.paths.private_at(ty.span());
        let aggregate = quote_spanned!(ty.span()=> #at_name::eventstore::Aggregate);
        let initial = quote_spanned!(ty.span()=> #at_name::eventstore::initial());
        quote_spanned! {spans::attribute()=>
            #parts
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #aggregate for #ty {
                type Itself = Self;
                const NAME: &'static str = #name;
                const SETTINGS: #es::AggregateSettings = #settings;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Aggregates<Self>>)] = &[#(#routes),*];
                #snapshots
                fn initial() -> Self {
                    #initial
                }
                fn resources(resources: &#p::Resources) -> #p::Result<<Self as #es::Parts>::Resources, #p::Error> {
                    let _ = resources;
                    #p::Result::Ok((#(#asked,)*))
                }
                fn apply(&mut self, event: &#event) {
                    match *event {
                        #(#event::#names(ref event) => Self::#methods(self, event),)*
                    }
                }
                fn encode(
                    event: &#event,
                    encoding: #es::Encoding,
                ) -> #p::Result<(#es::Encoded, #event), #es::Unreadable> {
                    match *event {
                        #(#event::#names(ref event) => {
                            let written = #encoded(event, encoding);
                            #p::Result::map(written, |(encoded, event)| (encoded, #event::#names(event)))
                        })*
                    }
                }
                fn decode(recorded: &#es::RecordedEvent) -> #p::Option<#p::Result<#event, #es::StoreError>> {
                    #(
                        if let #p::Option::Some(decoded) = #decoded(recorded) {
                            return #p::Option::Some(#p::Result::map(decoded, #event::#names));
                        }
                    )*
                    #p::Option::None
                }
                async fn publish<__By: #p::Caller>(#event_name: #event, #ctx: &#p::Context<__By>) {
                    match #event_name {
                        #(#event::#names(#event_name) => #shown,)*
                    }
                }
            }
        }
    }

    pub(super) fn settings(&self) -> TokenStream {
        let p = self.paths.private();
        let CheckedAggregate {
            snapshot_every,
            snapshot_version,
            cache,
            idle,
            policy,
            ..
        } = self.aggregate;
        let policy = policy.expand(&self.paths);
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        quote_spanned! {spans::attribute()=>
            #p::eventstore::AggregateSettings {
                snapshot_every: #snapshot_every,
                snapshot_version: #snapshot_version,
                cache: #cache,
                idle: #p::Duration::from_millis(#idle),
                policy: #policy,
            }
        }
    }

    /// What all handlers ask for, in order.
    fn resources(&self) -> impl Iterator<Item = &Type> {
        let handlers = self.aggregate.handlers.iter();
        handlers.flat_map(Method::resources)
    }

    /// What the state has to be for snapshots is shown at their key.
    fn snapshots(&self) -> Option<TokenStream> {
        let key = self.aggregate.snapshots.as_ref()?;
        let p = self.paths.private();
        let shown = self.paths.private_at(key.span());
        let made = quote_spanned!(key.span()=> #shown::eventstore::kept());
        Some(quote_spanned! {spans::attribute()=>
            const SNAPSHOTS: #p::Option<#p::eventstore::Keeping<Self>> = #p::Option::Some(#made);
        })
    }

    /// How a command is decided upon, or a query answered.
    fn handler(&self, index: usize, method: &Method) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let message = method.taken();
        let of_message = |what| said(message, "AggregateMessage", what, &self.paths);
        let [itself, reply_type, error, outcome, of_state] =
            ["Itself", "Reply", "Error", "Outcome", "OfState"].map(of_message);
        let place = Extent::of(message).end;
        let shown = self.paths.private_at(place);
        let [this, given] = ["self", "message"].map(|it| spans::name(it, spans::attribute()));
        let its = quote_spanned! {place=>
            type Itself = #itself;
            type Reply = #reply_type;
            type Error = #error;
            type Outcome = #outcome<Self>;
            type OfState = #of_state;
        };
        let given_here = spans::name("message", place);
        let handler = quote_spanned!(place=> #shown::eventstore::AggregateHandler<#message>);
        let same = (index > 0).then(|| self.same_key(message));
        let key = quote_spanned! {place=>
            fn key(#given_here: &<Self as #handler>::Itself) -> #shown::String {
                const KEY: fn(&<#ty as #handler>::Itself) -> #shown::String = #shown::eventstore::key_of;
                #same
                KEY(#given_here)
            }
        };
        let outcomes = of_message("Outcomes");
        let of_state = quote_spanned! {place=>
            fn of_state(&#this) -> <Self as #handler>::OfState {
                #shown::eventstore::outcomes::<#outcomes<Self>>().reply(#this)
            }
        };
        let again = (self.aggregate.policy.retries > 0).then(|| {
            quote_spanned! {place=>
                fn again(#given_here: &#message) -> #shown::Option<#message> {
                    #shown::Option::Some(#shown::eventstore::handled_again(#given_here))
                }
            }
        });
        let handled = self.handled(index, method, &this, &given);
        // A future that is not `Send` is shown at the method's name.
        let at = if method.is_async {
            method.name.span()
        } else {
            place
        };
        let at_name = self.paths.private_at(at);
        let [resources, facts] =
            ["resources", "facts"].map(|it| spans::name(it, spans::attribute()));
        let arguments = quote_spanned! {spans::attribute()=>
            (
                &#this,
                #given: #message,
                #resources: &<Self as #es::Parts>::Resources,
                #facts: &#es::FactSource<'_>,
            )
        };
        let handle = quote_spanned! {at=>
            async fn handle #arguments -> #at_name::Result<
                <Self as #at_name::eventstore::AggregateHandler<#message>>::Outcome,
                <Self as #at_name::eventstore::AggregateHandler<#message>>::Error,
            > {
                let _ = (#resources, #facts);
                #handled
            }
        };
        let proof = handled_by(ty, message, &self.paths);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #es::AggregateHandler<#message> for #ty {
                #its
                #key
                #again
                #handle
                #of_state
            }
            #proof
        }
    }

    /// Asserts that the key of a message has the type that the one of the first message has.
    fn same_key(&self, message: &Type) -> TokenStream {
        let place = Extent::of(message).end;
        let (shown, ty) = (self.paths.private_at(place), self.ty);
        let first = self.aggregate.handlers.first().map(Method::taken);
        let itself = |message: &Type| quote_spanned!(place=> <#ty as #shown::eventstore::AggregateHandler<#message>>::Itself);
        let (first, this) = (first.map(itself), itself(message));
        quote_spanned!(place=> const _: fn() = #shown::eventstore::same_key::<#ty, #first, #this>;)
    }

    /// Calls the method; what it gives back is shown at its return type.
    fn handled(&self, index: usize, method: &Method, this: &Ident, given: &Ident) -> TokenStream {
        let name = &method.name;
        let before = self.aggregate.handlers[..index].iter();
        let mut places = before.map(|it| it.resources().count()).sum::<usize>()..;
        let arguments = method.rest.iter().map(|ty| {
            if is_facts(ty) {
                let facts = spans::name("facts", spans::attribute());
                return quote_spanned!(Extent::of(ty).end=> &#facts.facts());
            }
            let place = Literal::usize_unsuffixed(places.next().unwrap_or_default());
            let given = said(ty, "DecisionArgument", "given", &self.paths);
            quote_spanned!(spans::attribute()=> #given(&resources.#place))
        });
        let awaited = method.is_async.then(|| quote!(.await));
        let Extent { start, end } = Extent::of(&method.output);
        let outcomes = said(method.taken(), "AggregateMessage", "Outcomes", &self.paths);
        let shown = self.paths.private_at(start);
        let handled = quote_spanned! {start=>
            #shown::eventstore::outcomes::<#outcomes<Self>>().outcome
        };
        quote_spanned! {end=>
            #handled(Self::#name(#this, #given, #(#arguments),*) #awaited)
        }
    }
}

/// A name for each of the types.
pub(super) fn variants<'a>(types: impl Iterator<Item = &'a Type>) -> Vec<(Ident, &'a Type)> {
    let name = |index| format_ident!("Event{}", index, span = spans::attribute());
    types
        .enumerate()
        .map(|(index, ty)| (name(index), ty))
        .collect()
}
