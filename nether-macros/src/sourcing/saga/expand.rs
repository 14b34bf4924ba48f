//! The code of a checked saga.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::lints;
use crate::lists::{self, Match};
use crate::paths::Paths;
use crate::sourcing::definition;
use crate::sourcing::descriptor::{Parts, descriptor, launched, said};
use crate::sourcing::methods::{self, Method};
use crate::sourcing::registered::{named_commands, named_events, registered, schemas};
use crate::sourcing::saga::model::{CheckedSaga, Timeout};
use crate::spans::{self, Extent};

pub(super) struct SagaExpander<'a> {
    pub(super) saga: &'a CheckedSaga,
    pub(super) ty: &'a Ident,
    pub(super) key: &'a Ident,
    pub(super) paths: Paths,
}

impl SagaExpander<'_> {
    pub(super) fn support(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let sends = &self.saga.sends;
        let parts = Parts {
            name: ty,
            launch: launched(&quote!(#p::eventstore::Sagas<#ty>), &self.paths),
            handles: self
                .saga
                .commands
                .iter()
                .map(|it| said(it.taken(), "StartCommand", "LISTED", &self.paths))
                .collect(),
            emits: quote!(&[]),
            calls: sends
                .iter()
                .map(|it| said(it, "ListedCommand", "LISTED", &self.paths))
                .collect(),
            resources: Vec::new(),
        };
        let descriptor = descriptor(&parts, &self.paths);
        let saga = self.saga();
        let proofs = proofs(self.saga, ty, &self.paths);
        let registered = self.registered();
        let commands = self.saga.commands.iter();
        let commands = commands.map(|it| self.command(it));
        let lints = lints::of_block(&self.saga.block);
        quote_spanned! {spans::attribute()=>
            #lints
            const _: () = {
                #descriptor
                #saga
                #(#commands)*
                #proofs
                #registered
            };
        }
    }

    /// The registration of the saga for the schema lock, and proofs that what it stores has names.
    fn registered(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let (sends, events) = (&self.saga.sends, self.saga.events.iter().map(Method::taken));
        let commands = self.saga.commands.iter().map(Method::taken);
        let named = [
            named_events(events, ty, &self.paths),
            named_commands(sends.iter(), "ListedCommand", ty, &self.paths),
            named_commands(commands.clone(), "StartCommand", ty, &self.paths),
        ];
        let starts = self.saga.starts.iter().map(|event| self.as_taken(event));
        let starts = schemas(starts, &self.paths);
        let key = self.key.unraw().to_string();
        let proofs = sends.iter();
        let proofs = proofs.map(|it| said(it, "ListedCommand", "LISTED", &self.paths));
        let accepts = commands.map(|it| {
            let proof = said(it, "StartCommand", "LISTED", &self.paths);
            quote_spanned! {spans::attribute()=>
                #p::eventstore::RegisteredStart {
                    proof: #proof,
                    shape: #p::eventstore::shape_of_start::<#ty, #it>,
                    reply: #p::eventstore::shape_of_reply::<#ty, #it>,
                    error: #p::eventstore::shape_of_error::<#ty, #it>,
                }
            }
        });
        let lists = quote_spanned! {spans::attribute()=>
            #p::eventstore::RegisteredSaga {
                key: #key,
                starts: #starts,
                accepts: &[#(#accepts),*],
                sends: &[#(#p::eventstore::RegisteredCommand {
                    proof: #proofs,
                    shape: #p::eventstore::shape_sent::<#ty, #sends>(),
                }),*],
            }
        };
        let registered = registered("saga", ty, &lists, &self.paths);
        quote!(#(#named)* #registered)
    }

    fn saga(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let name = &self.saga.name;
        let policy = self.saga.policy.expand(&self.paths);
        let timeouts = self.saga.timeouts.iter().map(|it| self.timeout(it));
        let names = definition::names(&self.saga.events, &self.paths);
        let names = names.chain(self.command_names());
        let definition = definition::constant(1, self.saga.from, names, false, &self.paths);
        let [starts, ends] = [&self.saga.starts, &self.saga.ends].map(|list| self.is_one(list));
        let of_commands = self.command_names();
        let keys = self.saga.events.iter().map(|it| self.key_of(it));
        let keys = keys.chain(self.saga.commands.iter().map(|it| self.key_of_command(it)));
        let events = self.saga.events.iter().map(|it| self.event(it));
        let events = events.chain(self.saga.commands.iter().map(|it| self.begun_by(it)));
        let commands = self.commands();
        let arms = self.saga.timeouts.iter().map(|it| self.time_out(it));
        let sends = self.saga.sends.iter();
        let sends = sends.map(|it| {
            let place = Extent::of(it).end;
            let shown = self.paths.private_at(place);
            let itself = said(it, "ListedCommand", "Itself", &self.paths);
            let [command, ctx] = ["command", "ctx"].map(local);
            quote_spanned!(place=> #shown::eventstore::deliver::<Self, #itself>(#command, #ctx).await)
        });
        let result = quote!(#p::Result<(), #p::Error>);
        let place = methods::waiting(self.saga.events.iter().chain(&self.saga.commands));
        let at = self.paths.private_at(place);
        let arguments = quote_spanned! {spans::attribute()=>
            (&mut self, recorded: &#es::RecordedEvent, step: &mut #es::Step<Self>)
        };
        let handle = quote_spanned! {place=>
            async fn handle #arguments -> #at::Result<(), #at::Error>
        };
        // What the state has to be is shown at its name.
        let at_name = self.paths.private_at(ty.span());
        let kept = quote_spanned!(ty.span()=> #at_name::eventstore::kept());
        let of_name = quote_spanned!(ty.span()=> #at_name::eventstore::Saga);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #of_name for #ty {
                const NAME: &'static str = #name;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                #definition
                const POLICY: #es::HandlingPolicy = #policy;
                const KEPT: #es::Keeping<Self> = #kept;
                const TIMEOUTS: &'static [#es::Timeout] = &[#(#timeouts),*];
                #commands
                fn starts(event: &str) -> bool { #starts #(|| event == #of_commands)* }
                fn ends(event: &str) -> bool { let _ = event; #ends }
                fn key(
                    recorded: &#es::RecordedEvent,
                ) -> #p::Option<#p::Result<#p::String, #es::StoreError>> {
                    #(#keys)*
                    #p::Option::None
                }
                #handle {
                    let _ = &step;
                    #(#events)*
                    #p::Result::Ok(())
                }
                async fn time_out(
                    &mut self, timeout: &str, step: &mut #es::Step<Self>,
                ) -> #result {
                    let _ = &step;
                    match timeout {
                        #(#arms)*
                        _ => #p::Result::Ok(()),
                    }
                }
                async fn deliver(
                    command: &#es::StoredCommand, ctx: &#p::Context<#es::Sagas<Self>>,
                ) -> #es::Delivery {
                    let _ = ctx;
                    #(
                        if let #p::Option::Some(delivery) = #sends {
                            return delivery;
                        }
                    )*
                    #es::not_listed(command)
                }
            }
        }
    }

    fn timeout(&self, timeout: &Timeout) -> TokenStream {
        let p = self.paths.private();
        let name = timeout.method.unraw().to_string();
        let after = u64::try_from(timeout.after.as_millis()).unwrap_or(u64::MAX);
        let since = match &timeout.since {
            Some(event) => {
                let schema = said(self.as_taken(event), "StoredEvent", "SCHEMA", &self.paths);
                quote!(#p::Option::Some(#schema.name))
            }
            None => quote!(#p::Option::None),
        };
        quote_spanned! {spans::attribute()=>
            #p::eventstore::Timeout {
                name: #name,
                after: #p::Duration::from_millis(#after),
                since: #since,
            }
        }
    }

    /// Whether `event` is the name of one of a list.
    fn is_one(&self, list: &[Type]) -> TokenStream {
        let schemas = list.iter().map(|event| {
            let event = self.as_taken(event);
            said(event, "StoredEvent", "SCHEMA", &self.paths)
        });
        quote_spanned!(spans::attribute()=> #(event == #schemas.name ||)* false)
    }

    /// The event of a list as its method writes it: what is wrong with it is shown there.
    fn as_taken<'e>(&'e self, event: &'e Type) -> &'e Type {
        let events = &self.saga.events;
        let taken: Vec<Type> = events.iter().map(|it| it.message.clone()).collect();
        match lists::find(&taken, event) {
            Match::One(index) => events[index].taken(),
            Match::None | Match::Several(_) => event,
        }
    }

    /// The key of the event, if it is of that type; shown at the key.
    fn key_of(&self, method: &Method) -> TokenStream {
        let p = self.paths.private();
        let (event, key) = (method.taken(), self.key);
        let [of, recorded] = ["of", "recorded"].map(local);
        let shown = self.paths.private_at(key.span());
        let field = quote_spanned!(key.span()=> |#of| &#of.#key);
        let decoded = said(event, "StoredEvent", "decoded", &self.paths);
        let found = quote_spanned! {key.span()=>
            #shown::eventstore::text_of(#decoded(#recorded), #field)
        };
        quote_spanned! {spans::attribute()=>
            if let #p::Option::Some(key) = #found {
                return #p::Option::Some(key);
            }
        }
    }

    /// Handles the event if it is of that type.
    fn event(&self, method: &Method) -> TokenStream {
        let decoded = said(method.taken(), "StoredEvent", "decoded", &self.paths);
        self.shown_if(method, &decoded, spans::attribute())
    }

    /// Shows the method what it takes, if the event is that; the code is shown at that place.
    pub(super) fn shown_if(&self, method: &Method, decoded: &TokenStream, at: Span) -> TokenStream {
        let p = self.paths.private_at(at);
        let [this, event, step, recorded] = ["self", "event", "step", "recorded"].map(local);
        let name = &method.name;
        let passed = method.rest.first().map(|_| &step);
        let arguments = quote_spanned!(at=> #this, &#event?, #passed);
        let call = self.outcome(name, &arguments, method.is_async, &method.output);
        quote_spanned! {at=>
            if let #p::Option::Some(#event) = #decoded(#recorded) {
                return #call;
            }
        }
    }

    fn time_out(&self, timeout: &Timeout) -> TokenStream {
        let [this, step] = ["self", "step"].map(local);
        let name = timeout.method.unraw().to_string();
        let passed = timeout.takes_step.then_some(&step);
        let arguments = quote!(#this, #passed);
        let call = self.outcome(
            &timeout.method,
            &arguments,
            timeout.is_async,
            &timeout.output,
        );
        quote_spanned!(spans::attribute()=> #name => #call,)
    }

    /// What a method gives back, as a `Result`.
    fn outcome(
        &self,
        method: &Ident,
        arguments: &TokenStream,
        is_async: bool,
        output: &TokenStream,
    ) -> TokenStream {
        let awaited = is_async.then(|| quote!(.await));
        let Extent { start, end } = Extent::of(output);
        let shown = self.paths.private_at(start);
        let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
        quote_spanned!(end=> #into(Self::#method(#arguments) #awaited))
    }
}

/// Proofs that the saga lists the commands.
pub(super) fn proofs(saga: &CheckedSaga, ty: &Ident, paths: &Paths) -> TokenStream {
    let proofs = saga.sends.iter().map(|command| {
        let p = paths.private();
        let place = Extent::of(command).end;
        let shown = paths.private_at(place);
        let kept = quote_spanned!(place=> #shown::eventstore::kept());
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::eventstore::SentBy<#ty> for #command {
                const KEPT: #p::eventstore::Keeping<Self> = #kept;
            }
        }
    });
    quote!(#(#proofs)*)
}

/// A local name of generated code.
pub(super) fn local(name: &str) -> Ident {
    spans::name(name, spans::attribute())
}
