//! The code of a checked decision.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Lifetime, Type};

use crate::lints;
use crate::paths::Paths;
use crate::sourcing::decision::model::{CheckedDecision, Decider};
use crate::sourcing::descriptor::{Parts, descriptor, handled_by, said};
use crate::sourcing::methods::{Method, is_facts};
use crate::spans::{self, Extent};

pub(super) struct DecisionExpander<'a> {
    pub(super) decision: &'a CheckedDecision,
    pub(super) ty: &'a Ident,
    pub(super) paths: Paths,
}

impl<'a> DecisionExpander<'a> {
    /// `None` if nothing can be made of it but the block itself.
    pub(super) fn new(decision: &'a CheckedDecision) -> Option<Self> {
        Some(DecisionExpander {
            decision,
            ty: decision.ty.as_ref()?,
            paths: Paths::new(decision.renamed.clone()),
        })
    }

    pub(super) fn support(&self) -> TokenStream {
        let p = self.paths.private();
        let emitted = self.emitted();
        let descriptor = self.descriptor();
        let decision = self.decision();
        let handlers = self.decision.deciders.iter().enumerate();
        let handlers = handlers.map(|(index, decider)| self.handler(index, decider));
        let lints = lints::of_block(&self.decision.block);
        quote_spanned! {spans::attribute()=>
            #lints
            const _: () = {
                #emitted
                #descriptor
                #decision
                #(#handlers)*
                #p::inventory::submit! {
                    #p::eventstore::RegisteredDecision(&DESCRIPTOR.declaration)
                }
            };
        }
    }

    fn methods(&self) -> impl Iterator<Item = &Method> {
        self.decision.deciders.iter().map(|it| &it.method)
    }

    /// The events of all aggregates, and all else that is made of them: the one place where it is asked
    /// whether they are aggregates. The impls take that for granted.
    fn emitted(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        quote_spanned! {spans::attribute()=>
            const JOINTLY: #es::Jointly = <#ty as #es::Decision>::JOINTLY;
            static EMITS: [#p::MessageProof; #es::count(JOINTLY.emitted)] = #es::emitted(JOINTLY.emitted);
        }
    }

    /// The bound that all of them are aggregates, which the compiler believes, shown at each.
    fn granted(&self) -> TokenStream {
        let bounds = self.decision.of.iter().map(|it| {
            let aggregate = &it.aggregate;
            let place = Extent::of(aggregate).end;
            let p = self.paths.private_at(place);
            let any = Lifetime::new("'any", place);
            quote_spanned!(place=> for<#any> #aggregate: #p::eventstore::Aggregate)
        });
        quote!(where #(#bounds,)*)
    }

    fn descriptor(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let resources = self.methods().flat_map(Method::named_resources);
        let parts = Parts {
            name: ty,
            launch: quote!(#p::Option::Some(JOINTLY.launch)),
            handles: self.methods().map(|it| self.listed(it, "LISTED")).collect(),
            emits: quote!(&EMITS),
            calls: Vec::new(),
            resources: resources
                .map(|(ty, name)| {
                    let described = said(ty, "DecisionArgument", "DESCRIPTOR", &self.paths);
                    let named = name.map(|name| quote!(.named(#name)));
                    quote!(#described #named)
                })
                .collect(),
        };
        descriptor(&parts, &self.paths)
    }

    /// What a command says of itself, shown where the function takes it.
    fn listed(&self, method: &Method, what: &str) -> TokenStream {
        said(method.taken(), "ListedCommand", what, &self.paths)
    }

    fn decision(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let policy = self.decision.policy.expand(&self.paths);
        let of = self.decision.of.iter().map(|it| &it.aggregate);
        let granted = self.granted();
        let resources = self.methods().flat_map(Method::resources);
        let asked = self.methods().flat_map(Method::named_resources);
        let asked = asked.map(|(ty, name)| {
            let of = said(ty, "DecisionArgument", "of", &self.paths);
            let name = match name {
                Some(name) => quote!(#p::Option::Some(#name)),
                None => quote!(#p::Option::None),
            };
            quote_spanned!(spans::attribute()=> #of(resources, #name)?)
        });
        let routes = self.methods().map(|it| {
            let add_to = self.listed(it, "add_to");
            quote_spanned!(Extent::of(it.taken()).end=> #add_to::<Self>)
        });
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::DecisionParts for #ty {
                type Of = (#(#of,)*);
                type Resources = (#(#resources,)*);
            }
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Decision for #ty #granted {
                const POLICY: #es::HandlingPolicy = #policy;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Decisions<Self>>)] = &[#(#routes),*];
                fn resources(resources: &#p::Resources) -> #p::Result<<Self as #es::DecisionParts>::Resources, #p::Error> {
                    let _ = resources;
                    #p::Result::Ok((#(#asked,)*))
                }
            }
        }
    }

    /// How a command is decided upon.
    fn handler(&self, index: usize, decider: &Decider) -> TokenStream {
        let (p, ty, method) = (self.paths.private(), self.ty, &decider.method);
        let es = quote!(#p::eventstore);
        let message = method.taken();
        let [itself, reply_type, error, outcomes] =
            ["Itself", "Reply", "Error", "JointOutcomes"].map(|what| self.listed(method, what));
        let place = Extent::of(message).end;
        let shown = self.paths.private_at(place);
        let its = quote_spanned! {place=>
            type Itself = #itself;
            type Reply = #reply_type;
            type Error = #error;
        };
        let given = spans::name("message", spans::attribute());
        let keys_of = format_ident!("keys{index}", span = spans::attribute());
        let keys = self.keys(&keys_of, message, &given);
        let granted = self.granted();
        let of_it = quote!(<Self as #es::DecisionParts>::Of);
        let states = quote!(<#of_it as #es::Participants>::States<'_>);
        let reply = quote_spanned! {place=>
            fn reply(states: #states) -> <Self as #shown::eventstore::DecisionHandler<#message>>::Reply {
                #shown::eventstore::outcomes::<#outcomes<#of_it>>().reply(states)
            }
        };
        let given_here = spans::name("message", place);
        let again = (self.decision.policy.retries > 0).then(|| {
            quote_spanned! {place=>
                fn again(#given_here: &#message) -> #shown::Option<#message> {
                    #shown::Option::Some(#shown::eventstore::handled_again(#given_here))
                }
            }
        });
        let decided = self.decided(index, decider, &given);
        // A future that is not `Send` is shown at the function's name.
        let at = if method.is_async {
            method.name.span()
        } else {
            place
        };
        let at_name = self.paths.private_at(at);
        let [resources, facts, lent] =
            ["resources", "facts", "states"].map(|it| spans::name(it, spans::attribute()));
        let places = self.places();
        let lifetime = Lifetime::new("'lent", spans::attribute());
        let arguments = quote_spanned! {spans::attribute()=>
            (
                #given: #message,
                #lent: <#of_it as #es::Participants>::States<#lifetime>,
                #resources: &#lifetime <Self as #es::DecisionParts>::Resources,
                #facts: &#lifetime #es::FactSource<#lifetime>,
            )
        };
        let decide = quote_spanned! {at=>
            async fn decide<#lifetime> #arguments -> #at_name::Result<
                <#of_it as #at_name::eventstore::Participants>::Events,
                <Self as #at_name::eventstore::DecisionHandler<#message>>::Error,
            > {
                let _ = (#resources, #facts);
                let (#(#places,)*) = #lent;
                #decided
            }
        };
        let proof = handled_by(ty, message, &self.paths);
        quote_spanned! {spans::attribute()=>
            #keys
            #[automatically_derived]
            impl #es::DecisionHandler<#message> for #ty #granted {
                #its
                fn keys(#given: &#message) -> #p::Vec<#p::String> {
                    #keys_of(#given)
                }
                #again
                #decide
                #reply
            }
            #proof
        }
    }

    /// The keys of the aggregates: each is shown at its field. Where nothing is taken for granted: the
    /// compiler would not look into what is.
    fn keys(&self, name: &Ident, message: &Type, given: &Ident) -> TokenStream {
        let p = self.paths.private();
        let keys = self.decision.of.iter().map(|participant| {
            let (aggregate, field) = (&participant.aggregate, &participant.field);
            let place = Extent::of(field).end;
            let shown = self.paths.private_at(place);
            quote_spanned!(place=> #shown::eventstore::key_of_participant::<#aggregate, _>(&#given.#field))
        });
        quote_spanned! {spans::attribute()=>
            fn #name(#given: &#message) -> #p::Vec<#p::String> {
                #p::Vec::from([#(#keys),*])
            }
        }
    }

    /// A name for each state.
    fn places(&self) -> impl Iterator<Item = Ident> {
        (0..self.decision.of.len())
            .map(|index| format_ident!("state{index}", span = spans::attribute()))
    }

    /// Calls the function; what it gives back is shown at its return type, and a state at its argument.
    fn decided(&self, index: usize, decider: &Decider, given: &Ident) -> TokenStream {
        let method = &decider.method;
        let name = &method.name;
        let before = self.methods().take(index);
        let mut places = before.map(|it| it.resources().count()).sum::<usize>()..;
        let states = decider.states.iter().zip(self.places());
        let states = states.map(|(ty, mut place)| {
            place.set_span(spans::at(Extent::of(ty).end));
            place
        });
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
        let outcomes = self.listed(method, "JointOutcomes");
        let shown = self.paths.private_at(start);
        let handled = quote_spanned! {start=>
            #shown::eventstore::outcomes::<#outcomes<<Self as #shown::eventstore::DecisionParts>::Of>>().outcome
        };
        quote_spanned! {end=>
            #handled(Self::#name(#given, #(#states,)* #(#arguments),*) #awaited)
        }
    }
}
