//! The code of a checked saga.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::header;
use crate::paths::Paths;
use crate::sourcing::descriptor::{Parts, descriptor};
use crate::sourcing::methods::Method;
use crate::sourcing::saga::WHOSE;
use crate::sourcing::saga::model::{Checked, Timeout};
use crate::spans::{self, Extent};

pub(in crate::sourcing) fn expand(saga: &Checked) -> TokenStream {
    let block = &saga.block;
    let unread = saga.unread.iter().map(|it| header::unread(&WHOSE, it));
    let unread = quote!(#(#unread)*);
    let (Some(ty), Some(key), false) = (&saga.ty, &saga.key, saga.is_broken) else {
        return quote!(#block #unread);
    };
    let expander = Expander {
        saga,
        ty,
        key,
        paths: Paths::new(saga.renamed.clone()),
    };
    let support = expander.support();
    quote!(#block #support)
}

struct Expander<'a> {
    saga: &'a Checked,
    ty: &'a Ident,
    key: &'a Ident,
    paths: Paths,
}

impl Expander<'_> {
    fn support(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let sends = &self.saga.sends;
        let parts = Parts {
            name: ty,
            module: quote!(#p::eventstore::Sagas<#ty>),
            handles: Vec::new(),
            emits: Vec::new(),
            calls: sends
                .iter()
                .map(|command| quote!(<#command as #p::Message>::PROOF))
                .collect(),
            resources: Vec::new(),
        };
        let descriptor = descriptor(&parts, &self.paths);
        let saga = self.saga();
        quote_spanned! {spans::attribute()=>
            const _: () = {
                #descriptor
                #saga
                #(
                    #[automatically_derived]
                    #[diagnostic::do_not_recommend]
                    impl #p::eventstore::Sends<#sends> for #ty {}
                )*
            };
        }
    }

    fn saga(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let (name, retries) = (&self.saga.name, self.saga.retries);
        let timeouts = self.saga.timeouts.iter().map(|it| self.timeout(it));
        let [starts, ends] = [&self.saga.starts, &self.saga.ends].map(|list| self.is_one(list));
        let keys = self.saga.events.iter().map(|it| self.key_of(it));
        let events = self.saga.events.iter().map(|it| self.event(it));
        let arms = self.saga.timeouts.iter().map(|it| self.time_out(it));
        let sends = &self.saga.sends;
        let result = quote!(#p::Result<(), #p::Error>);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::Saga for #ty {
                const NAME: &'static str = #name;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                const RETRIES: u32 = #retries;
                const TIMEOUTS: &'static [#es::Timeout] = &[#(#timeouts),*];
                fn starts(event: &str) -> bool { #starts }
                fn ends(event: &str) -> bool { let _ = event; #ends }
                fn key(
                    recorded: &#es::RecordedEvent,
                ) -> #p::Option<#p::Result<#p::String, #es::StoreError>> {
                    #(#keys)*
                    #p::Option::None
                }
                async fn handle(
                    &mut self, recorded: &#es::RecordedEvent, step: &mut #es::Step<Self>,
                ) -> #result {
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
                        if let #p::Option::Some(delivery) = #es::deliver::<Self, #sends>(command, ctx).await {
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
                quote!(#p::Option::Some(<#event as #p::eventstore::StoredEvent>::SCHEMA.name))
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
        let p = self.paths.private();
        quote_spanned! {spans::attribute()=>
            #(event == <#list as #p::eventstore::StoredEvent>::SCHEMA.name ||)* false
        }
    }

    /// The key of the event, if it is of that type; shown at the key.
    fn key_of(&self, method: &Method) -> TokenStream {
        let p = self.paths.private();
        let (event, key) = (method.taken(), self.key);
        let of = local("of");
        let shown = self.paths.private_at(key.span());
        let field = quote_spanned!(key.span()=> &#of.#key);
        let found = quote_spanned! {key.span()=>
            #shown::eventstore::key_of::<#event, _>
        };
        quote_spanned! {spans::attribute()=>
            if let #p::Option::Some(key) = #found(recorded, |#of| #field) {
                return #p::Option::Some(key);
            }
        }
    }

    /// Handles the event if it is of that type.
    fn event(&self, method: &Method) -> TokenStream {
        let p = self.paths.private();
        let [this, event, step, recorded] = ["self", "event", "step", "recorded"].map(local);
        let (name, ty) = (&method.name, method.taken());
        let passed = method.rest.first().map(|_| &step);
        let arguments = quote!(#this, &#event?, #passed);
        let call = self.outcome(name, &arguments, method.is_async, &method.output);
        let place = Extent::of(ty).end;
        let shown = self.paths.private_at(place);
        let decoded = quote_spanned!(place=> #shown::eventstore::decoded::<#ty>(#recorded));
        quote_spanned! {spans::attribute()=>
            if let #p::Option::Some(#event) = #decoded {
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

/// A local name of generated code.
fn local(name: &str) -> Ident {
    spans::name(name, spans::attribute())
}
