//! The code for the commands that start a saga: how they are kept, which saga they are for, and what they are
//! answered with.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::sourcing::descriptor::{handled_by, said};
use crate::sourcing::methods::Method;
use crate::sourcing::saga::expand::{SagaExpander, local};
use crate::spans::{self, Extent};

impl SagaExpander<'_> {
    /// The names that the commands are stored under.
    pub(super) fn command_names(&self) -> impl Iterator<Item = TokenStream> {
        let commands = self.saga.commands.iter();
        commands.map(|it| said(it.taken(), "StartCommand", "NAME", &self.paths))
    }

    /// The constants that say to the runtime which they are.
    pub(super) fn commands(&self) -> Option<TokenStream> {
        if self.saga.commands.is_empty() {
            return None;
        }
        let p = self.paths.private();
        let es = quote!(#p::eventstore);
        let commands = self.saga.commands.iter().map(Method::taken);
        let routes = commands.clone().map(|it| {
            let add_to = said(it, "StartCommand", "add_to", &self.paths);
            quote_spanned!(Extent::of(it).end=> #add_to::<Self>)
        });
        let starts = commands.map(|it| {
            let place = Extent::of(it).end;
            let shown = self.paths.private_at(place);
            quote_spanned!(place=> #shown::eventstore::start_by::<Self, #it>())
        });
        Some(quote_spanned! {spans::attribute()=>
            const COMMANDS: &'static [#es::SagaStart<Self>] = &[#(#starts),*];
            const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Sagas<Self>>)] = &[#(#routes),*];
        })
    }

    /// The key of the command, if it is of that type.
    pub(super) fn key_of_command(&self, method: &Method) -> TokenStream {
        let p = self.paths.private();
        let recorded = local("recorded");
        let found = self.of_command("key_of_start", method);
        quote_spanned! {spans::attribute()=>
            if let #p::Option::Some(key) = #found(#recorded) {
                return #p::Option::Some(key);
            }
        }
    }

    /// Begins with the command if it is of that type.
    pub(super) fn begun_by(&self, method: &Method) -> TokenStream {
        let decoded = self.of_command("started", method);
        self.shown_if(method, &decoded, Extent::of(method.taken()).end)
    }

    /// A function of the runtime for the command.
    fn of_command(&self, function: &str, method: &Method) -> TokenStream {
        let command = method.taken();
        let place = Extent::of(command).end;
        let shown = self.paths.private_at(place);
        let function = spans::name(function, place);
        quote_spanned!(place=> #shown::eventstore::#function::<Self, #command>)
    }

    /// How a command is kept and answered, and the proof that it is handled.
    pub(super) fn command(&self, method: &Method) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let es = quote!(#p::eventstore);
        let command = method.taken();
        let place = Extent::of(command).end;
        let shown = self.paths.private_at(place);
        let [itself, reply, error, name] = ["Itself", "Reply", "Error", "NAME"]
            .map(|it| said(command, "StartCommand", it, &self.paths));
        let [this, failed] = ["self", "failed"].map(local);
        let given = spans::name("command", place);
        let started_by = quote_spanned!(place=> #shown::eventstore::StartedBy<#command>);
        let types = quote_spanned! {place=>
            type Itself = #itself;
            type Reply = #reply;
            type Error = #error;
            const COMMAND_NAME: &'static str = #name;
            fn command() -> #shown::eventstore::Keeping<<Self as #started_by>::Itself> {
                #shown::eventstore::kept()
            }
            fn reply_kept() -> #shown::eventstore::Keeping<<Self as #started_by>::Reply> {
                #shown::eventstore::kept()
            }
            fn error_kept() -> #shown::eventstore::Keeping<<Self as #started_by>::Error> {
                #shown::eventstore::kept_error()
            }
        };
        let same = self.same_key(method);
        let key = quote_spanned! {place=>
            fn key_of(#given: &<Self as #started_by>::Itself) -> #shown::String {
                const KEY: fn(&<#ty as #started_by>::Itself) -> #shown::String = #shown::eventstore::key_of;
                #same
                KEY(#given)
            }
        };
        let reply = quote_spanned! {place=>
            fn reply(&#this) -> <Self as #started_by>::Reply {
                #shown::eventstore::reply_of(#this)
            }
        };
        let answer = match &self.saga.answer {
            None => quote_spanned!(place=> #shown::eventstore::error_of_step(#failed)),
            Some(answer) => {
                let method = &answer.method;
                let Extent { start, end } = Extent::of(&answer.output);
                let shown = self.paths.private_at(start);
                let with = quote_spanned! {start=>
                    #shown::eventstore::answer_with::<#command, <Self as #started_by>::Error, _>
                };
                quote_spanned!(end=> #with(Self::#method(#this, #failed)))
            }
        };
        let failed_step = quote_spanned!(spans::attribute()=> #failed: &#es::StepFailed);
        let error = quote_spanned! {place=>
            fn error(&#this, #failed_step) -> <Self as #started_by>::Error {
                #answer
            }
        };
        let proof = handled_by(ty, command, &self.paths);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #es::StartedBy<#command> for #ty {
                #types
                #key
                #reply
                #error
            }
            #proof
        }
    }

    /// Asserts that the key of a command has the type that the one of the events has.
    fn same_key(&self, method: &Method) -> Option<TokenStream> {
        let event = self.saga.events.first()?.taken();
        let command = method.taken();
        let (ty, field) = (self.ty, self.key);
        let place = Extent::of(command).end;
        let shown = self.paths.private_at(place);
        let of = local("of");
        let itself =
            quote_spanned!(place=> <#ty as #shown::eventstore::StartedBy<#command>>::Itself);
        Some(quote_spanned! {place=>
            const _: fn() = || {
                #shown::eventstore::event_key::<#event, _>(|#of| &#of.#field).is_of::<#ty, #itself>()
            };
        })
    }
}
