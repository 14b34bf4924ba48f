//! The code of what event sourcing knows of a message: who may list it, and of an event how it is stored.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Fields, Path, Type};

use crate::message::MessageKind;
use crate::message::checked::CheckedMessage;
use crate::message::fields::{Absence, Field, Shape};
use crate::message::model::Definition;
use crate::paths::Paths;
use crate::spans::{self, Extent};
use crate::{features, types};

/// Proof that aggregates, projections and sagas may list the message.
pub(crate) fn listed(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let alone = match message.kind {
        MessageKind::Command => of_sagas(message, paths),
        MessageKind::Query => of_projections(message, paths),
        MessageKind::Event => return None,
    };
    let both = of_aggregates(message, paths);
    features::EVENTSTORE.then(|| quote!(#both #alone))
}

/// Aggregates handle commands and queries.
fn of_aggregates(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let (p, ident) = (paths.private(), message.definition.ident());
    let es = quote!(#p::eventstore);
    let reply = quote!(<Self as #p::Message>::Reply);
    let (access, outcome, of_state, add) = match message.kind {
        MessageKind::Query => ("Reads", reply, quote!(()), "add_query_of_state"),
        MessageKind::Command | MessageKind::Event => {
            ("Writes", quote!(#es::Events<__By>), reply, "add_command")
        }
    };
    let [access, add] = [access, add].map(local);
    let key = match &message.key {
        Some((_, ty)) => quote!(#ty),
        None => quote!(__Other),
    };
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::AggregateMessage for #ident {
            type Itself = Self;
            type Reply = <Self as #p::Message>::Reply;
            type Error = <Self as #p::Message>::Error;
            type Outcomes<__By: #es::Parts> = #es::OutcomeOf<__By, Self, #p::#access, Self::Reply, Self::Error>;
            type Outcome<__By: #es::Parts> = #outcome;
            type OfState = #of_state;
            type KeyOr<__Other> = #key;
            const LISTED: #p::MessageProof = <Self as #p::Message>::PROOF;
            fn add_to<__By>(routes: &mut #p::Routes<'_, #es::Aggregates<__By>>)
            where
                __By: #es::Aggregate + #es::AggregateHandler<
                    Self,
                    Itself = Self,
                    Reply = Self::Reply,
                    Error = Self::Error,
                    Outcome = Self::Outcome<__By>,
                    OfState = Self::OfState,
                >,
            {
                #es::#add::<__By, Self>(routes)
            }
        }
    }
}

/// Sagas send commands and are started by them, and decisions handle them.
fn of_sagas(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let (p, ident) = (paths.private(), message.definition.ident());
    let es = quote!(#p::eventstore);
    let is_named = message.args.name.is_some();
    let key = match &message.key {
        Some((_, ty)) => quote!(#ty),
        None => quote!(__Other),
    };
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::ListedCommand for #ident {
            type Itself = Self;
            type Reply = <Self as #p::Message>::Reply;
            type Error = <Self as #p::Message>::Error;
            type JointOutcomes<__Of: #es::Participants> = #es::JointOutcomeOf<__Of, Self, Self::Reply, Self::Error>;
            const LISTED: #p::MessageProof = <Self as #p::Message>::PROOF;
            const IS_NAMED: bool = #is_named;
            fn add_to<__By>(routes: &mut #p::Routes<'_, #es::Decisions<__By>>)
            where
                __By: #es::Decision + #es::DecisionHandler<Self, Itself = Self, Reply = Self::Reply, Error = Self::Error>,
            {
                #es::add_decided::<__By, Self>(routes)
            }
        }
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::StartCommand for #ident {
            type Itself = Self;
            type Reply = <Self as #p::Message>::Reply;
            type Error = <Self as #p::Message>::Error;
            type KeyOr<__Other> = #key;
            const LISTED: #p::MessageProof = <Self as #p::Message>::PROOF;
            const NAME: &'static str = <Self as #p::Message>::NAME;
            const IS_NAMED: bool = #is_named;
            fn add_to<__By>(routes: &mut #p::Routes<'_, #es::Sagas<__By>>)
            where
                __By: #es::Saga + #es::StartedBy<
                    Self,
                    Itself = Self,
                    Reply = Self::Reply,
                    Error = Self::Error,
                >,
            {
                #es::add_start::<__By, Self>(routes)
            }
        }
    }
}

/// Projections answer queries.
fn of_projections(message: &CheckedMessage, paths: &Paths) -> TokenStream {
    let (p, ident) = (paths.private(), message.definition.ident());
    let es = quote!(#p::eventstore);
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::ListedQuery for #ident {
            type Itself = Self;
            type Reply = <Self as #p::Message>::Reply;
            type Error = <Self as #p::Message>::Error;
            const LISTED: #p::MessageProof = <Self as #p::Message>::PROOF;
            fn add_to<__By>(routes: &mut #p::Routes<'_, #es::Projections<__By>>)
            where
                __By: #es::Projection + #es::Answers<Self, Itself = Self, Reply = Self::Reply, Error = Self::Error>,
            {
                #es::add_query::<__By, Self>(routes)
            }
        }
    }
}

/// How an event is written down and read.
pub(crate) fn expand(message: &CheckedMessage, paths: &Paths) -> Option<TokenStream> {
    let stored = message.stored.as_ref()?;
    let (p, ident) = (paths.private(), message.definition.ident());
    let es = quote!(#p::eventstore);
    let (version, is_named) = (stored.version, message.args.name.is_some());
    let fields = fields(&message.definition, paths);
    let arms = (1..=stored.steps.len()).map(|from| arm(from, &stored.steps, paths));
    let [schema, payload] = ["schema", "payload"].map(local);
    let [of, constant, upcast] = match stored.becomes {
        None => ["StoredEvent", "SCHEMA", "upcast"],
        Some(_) => ["ReadableEvent", "READ_AS", "from_older"],
    }
    .map(local);
    let retired = stored.becomes.as_ref().map(|it| retired(it, ident, paths));
    Some(quote_spanned! {spans::attribute()=>
        static SCHEMA: #es::EventSchema = #es::EventSchema {
            name: <#ident as #p::Message>::NAME,
            version: #version,
            declaration: #p::Declaration {
                name: <#ident as #p::Message>::NAME,
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
            is_named: #is_named,
            fields: &[#(#fields),*],
            shape: #es::event_shape::<#ident>(),
        };
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::#of for #ident {
            const #constant: &'static #es::EventSchema = &SCHEMA;
            fn #upcast(
                #schema: u32, #payload: &#es::Payload,
            ) -> #p::Option<#p::Result<Self, #es::Unreadable>> {
                let _ = #payload;
                match #schema {
                    #(#arms)*
                    _ => #p::Option::None,
                }
            }
        }
        #p::inventory::submit! { #es::EventRegistration(&SCHEMA) }
        #retired
    })
}

/// What a retired event becomes. An error in the function is shown at its path.
fn retired(becomes: &Path, ident: &Ident, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let place = Extent::of(becomes).end;
    let shown = paths.private_at(place);
    let succession = quote_spanned!(place=> #shown::eventstore::succession::<#ident, _>(#becomes));
    quote_spanned! {spans::attribute()=>
        fn succession() -> #p::eventstore::Succession {
            #succession
        }
        #p::inventory::submit! {
            #p::eventstore::RetiredRegistration { schema: &SCHEMA, succession }
        }
    }
}

/// Reads what version `from` wrote, and takes all steps from there on. An error in a step is shown at its
/// path.
fn arm(from: usize, steps: &[Path], paths: &Paths) -> TokenStream {
    let p = paths.private();
    let taken = &steps[from - 1..];
    let place = Extent::of(taken.first()).end;
    let shown = paths.private_at(place);
    let payload = local("payload");
    let read = quote_spanned!(place=> #shown::eventstore::older(#payload));
    let read = taken.iter().enumerate().fold(read, |older, (index, step)| {
        let place = Extent::of(step).end;
        let shown = paths.private_at(place);
        // The last one leads to what the event is now.
        let to = if index + 1 == taken.len() {
            quote_spanned!(place=> Self)
        } else {
            quote_spanned!(place=> _)
        };
        quote_spanned!(place=> #shown::eventstore::step::<_, _, #to, _>(#older, #step))
    });
    let from = Literal::usize_unsuffixed(from);
    quote_spanned!(spans::attribute()=> #from => #p::Option::Some(#read),)
}

/// What it is made of, for the lock file.
fn fields(definition: &Definition, paths: &Paths) -> Vec<TokenStream> {
    if let Shape::Fields(fields) = Shape::of(definition) {
        let field = |field: &Field| {
            let is_option = types::last_segment(&field.ty).is_some_and(|it| it.ident == "Option");
            let optional = match field.absence {
                Absence::Default => true,
                Absence::Error => false,
                Absence::ByType => is_option,
            };
            entry(&field.name, &types::text(&field.ty), optional, paths)
        };
        return fields.iter().map(field).collect();
    }
    match definition {
        Definition::Struct(item) => unnamed(&item.fields, paths),
        Definition::Enum(item) => {
            let variants = item.variants.iter();
            let variant = |it: &syn::Variant| {
                entry(
                    &it.ident.to_string(),
                    &types::text(&it.fields),
                    false,
                    paths,
                )
            };
            variants.map(variant).collect()
        }
    }
}

/// Fields by their numbers; and of a struct that serde reads otherwise, those that it has.
fn unnamed(fields: &Fields, paths: &Paths) -> Vec<TokenStream> {
    let fields = fields.iter().enumerate();
    let field = |(index, field): (usize, &syn::Field)| {
        let name = field.ident.as_ref().map(Ident::to_string);
        let ty: &Type = &field.ty;
        entry(
            &name.unwrap_or(index.to_string()),
            &types::text(ty),
            false,
            paths,
        )
    };
    fields.map(field).collect()
}

fn entry(name: &str, ty: &str, optional: bool, paths: &Paths) -> TokenStream {
    let p = paths.private();
    quote_spanned! {spans::attribute()=>
        #p::eventstore::FieldSchema { name: #name, ty: #ty, optional: #optional }
    }
}

/// A local name of generated code.
fn local(name: &str) -> Ident {
    spans::name(name, spans::attribute())
}
