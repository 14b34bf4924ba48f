//! Which methods are handlers, of which messages, and the rules for them.

use proc_macro2::Ident;
use quote::{ToTokens, format_ident};
use syn::{ReturnType, Signature, Type};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::lists::{self, Match};
use crate::module::model::Handler;
use crate::module::policy::PolicyValues;
use crate::module::signature::{self, ContextForms};
use crate::module::{hooks, policy};
use crate::spans::Extent;
use crate::{spans, suggest, types};

const CONTEXT: ContextForms = ContextForms {
    whose: "a handler",
    position: "the context as its second argument",
    query: true,
    by_value: false,
};

/// Finds the handlers of the listed messages; and what was meant by what is listed and misspelt.
pub(crate) fn find(
    block: &Block,
    module: &Ident,
    listed: &[Type],
    said: &PolicyValues,
    is_keyed: bool,
    diagnostics: &Diagnostics,
) -> (Vec<Handler>, Vec<Type>) {
    let mut finder = HandlerFinder {
        module,
        listed,
        said,
        is_keyed,
        diagnostics,
        handlers: Vec::new(),
        explained: vec![false; listed.len()],
        meant: Vec::new(),
    };
    for member in &block.members {
        match member {
            Member::Method(function) if !hooks::is_hook(function) => finder.read(function),
            // It is not known what it would have handled.
            Member::Broken(_) => finder.explained.fill(true),
            Member::Method(_) | Member::Other(_) => {}
        }
    }
    finder.check_all_handled(block);
    (finder.handlers, finder.meant)
}

pub(super) struct HandlerFinder<'a> {
    pub(super) module: &'a Ident,
    pub(super) listed: &'a [Type],
    /// What the module says of all its handlers.
    said: &'a PolicyValues,
    /// Whether the module has a value for each key.
    is_keyed: bool,
    pub(super) diagnostics: &'a Diagnostics,
    handlers: Vec<Handler>,
    /// For each listed message: whether an error has reported why it is not handled.
    pub(super) explained: Vec<bool>,
    /// What methods take that `handles` names in another spelling.
    pub(super) meant: Vec<Type>,
}

impl HandlerFinder<'_> {
    /// A method with `self` is a handler if its first argument is a listed message.
    fn read(&mut self, function: &Function) {
        let signature = &function.signature;
        let arguments = signature::arguments(signature);
        let first = arguments
            .first()
            .filter(|first| !signature::is_context(first) && signature.receiver().is_some());
        let Some(first) = first else {
            return policy::check_mark_of_other(function, self.diagnostics);
        };
        match lists::find(self.listed, signature::behind_reference(first)) {
            Match::One(index) => self.read_handler(function, &arguments, index),
            Match::Several(indices) => {
                let message = format!(
                    "`{}` could be several of the messages in `handles`",
                    types::text(first)
                );
                self.diagnostics
                    .error(first, message, "write the path as the list does");
                for index in indices {
                    self.explained[index] = true;
                }
            }
            Match::None
                if arguments
                    .iter()
                    .any(|argument| signature::is_context(argument)) =>
            {
                self.report_not_listed(signature, first);
            }
            Match::None => policy::check_mark_of_other(function, self.diagnostics),
        }
    }

    fn read_handler(&mut self, function: &Function, arguments: &[&Type], index: usize) {
        let before = self.diagnostics.count();
        let signature = &function.signature;
        signature::check_plain("the handler", signature, self.diagnostics);
        let receiver = signature::check_receiver("the handler", signature, self.diagnostics);
        self.check_argument(arguments[0]);
        self.check_awaited(signature);
        self.check_single(signature, arguments[0], index);
        self.check_unconditional(function);
        let mut context = None;
        if !self.has_another_message(signature, arguments) {
            context = arguments.get(1).and_then(|ty| {
                signature::check_context(ty, &CONTEXT, self.module, self.diagnostics)
            });
            self.check_count(signature, arguments);
        }
        let said = policy::of_handler(function, self.said, self.diagnostics);
        if let Some(all) = &said.all {
            self.check_all(all, signature, arguments[0]);
        }
        self.explained[index] = true;
        let is_first = self
            .handlers
            .iter()
            .all(|handler| !types::same(&handler.message, &self.listed[index]));
        if is_first {
            self.handlers.push(Handler {
                message: self.listed[index].clone(),
                variant: self.variant(index),
                method: signature.ident.clone(),
                argument: arguments[0].clone(),
                alias: self.alias(arguments[0], index),
                by_reference: matches!(arguments[0], Type::Reference(_)),
                is_async: signature.asyncness.is_some(),
                receiver,
                context,
                policy: said.policy,
                is_for_all: said.all.is_some(),
                output: signature::output(signature),
                is_sound: self.diagnostics.count() == before,
            });
        }
    }

    /// Returns whether the second argument is a listed message too, which is reported.
    fn has_another_message(&mut self, signature: &Signature, arguments: &[&Type]) -> bool {
        let Some(second) = arguments.get(1) else {
            return false;
        };
        let Match::One(index) = lists::find(self.listed, signature::behind_reference(second))
        else {
            return false;
        };
        let message = format!(
            "the handler `{}` takes a second message, `{}`",
            signature.ident,
            types::text(&self.listed[index])
        );
        let help = "write a handler for each message";
        self.diagnostics.error(second, message, help);
        self.explained[index] = true;
        true
    }

    /// A message is moved in, or an event is shown: there is nothing to change about either.
    fn check_argument(&self, argument: &Type) {
        if let Type::Reference(reference) = argument
            && let Some(mutability) = &reference.mutability
        {
            let inner = types::text(&reference.elem);
            let message = format!(
                "a handler cannot take `{}`: an event is shown to every module",
                types::text(argument)
            );
            let help = format!("take an event as `&{inner}`, a command or a query as `{inner}`");
            self.diagnostics.error(mutability, message, help);
        }
    }

    /// A handler gives back its reply, and no future that the caller would have to wait for.
    fn check_awaited(&self, signature: &Signature) {
        let ReturnType::Type(_, output) = &signature.output else {
            return;
        };
        if signature.asyncness.is_none() && types::is_future(output) {
            let ident = &signature.ident;
            let message = format!("the handler `{ident}` gives back a future instead of its reply");
            let help =
                format!("write `async fn {ident}`, and what the future gives as its return type");
            self.diagnostics.error(output, message, help);
        }
    }

    /// One handler a message.
    fn check_single(&self, signature: &Signature, argument: &Type, index: usize) {
        let message = &self.listed[index];
        if let Some(first) = self
            .handlers
            .iter()
            .find(|handler| types::same(&handler.message, message))
        {
            let text = format!(
                "`{}` and `{}` both handle `{}`",
                first.method,
                signature.ident,
                types::text(message)
            );
            let help = "keep one; a helper that needs the message is an associated function: it takes no `self`";
            self.diagnostics.error(argument, text, help);
        }
    }

    /// Only an event can be for all values of a module, and only a module with `per` has several.
    fn check_all(&self, all: &Ident, signature: &Signature, argument: &Type) {
        let ident = &signature.ident;
        if !self.is_keyed {
            let message = format!(
                "`{ident}` is marked `all`, for the values of all keys, and this module has one value"
            );
            let help = "remove `all`; or have a value for each key: `per = player_id`";
            self.diagnostics.error(all, message, help);
        } else if !matches!(argument, Type::Reference(_)) {
            let written = types::text(argument);
            let message = format!(
                "`{ident}` is marked `all`, and takes `{written}` by value, but only an event, which is shown, is for the values of all keys"
            );
            let help = format!(
                "if `{written}` is an event, take it by reference: `&{written}`; a command or query is for the value of one key, which \
                 replies: remove `all`"
            );
            self.diagnostics.error(all, message, help);
        }
    }

    /// The list names the message whatever the configuration, so its handler must be there too.
    fn check_unconditional(&self, function: &Function) {
        for attribute in function
            .attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("cfg"))
        {
            let message = format!(
                "the handler `{}` cannot be conditional, since `handles` is not",
                function.signature.ident
            );
            let help = "put the `#[cfg(..)]` on the whole block, once for each list, or inside of the body";
            self.diagnostics.error(attribute, message, help);
        }
    }

    fn check_count(&self, signature: &Signature, arguments: &[&Type]) {
        if let Some(third) = arguments.get(2) {
            let message = format!("the handler `{}` takes too much", signature.ident);
            let help = "a handler takes its message and, if it wants, the context; put the rest into the message or the module";
            self.diagnostics.error(third, message, help);
        }
    }

    /// A method that takes a context looks like a handler; if nothing calls it, it would be a silent mistake.
    fn report_not_listed(&mut self, signature: &Signature, first: &Type) {
        let inner = signature::behind_reference(first);
        let written = types::text(inner);
        let open: Vec<(usize, String)> = (0..self.listed.len())
            .filter(|index| !self.explained[*index])
            .map(|index| (index, types::text(&self.listed[index])))
            .collect();
        let nearest = suggest::nearest(&written, open.iter().map(|(_, name)| name.as_str()));
        let guess = nearest.map_or(String::new(), |nearest| {
            format!(": did you mean `{nearest}`?")
        });
        let message = format!(
            "`{}` takes a context, but `{written}` is not in `handles`{guess}",
            signature.ident
        );
        let help = format!(
            "list it: `handles = [.., {written}]`; if this is a helper, let it take the context first"
        );
        self.diagnostics.error(first, message, help);
        for (index, _) in open
            .iter()
            .filter(|(_, name)| Some(name.as_str()) == nearest)
        {
            self.explained[*index] = true;
        }
    }

    /// A name in one word, for a message that the argument writes in several.
    fn alias(&self, argument: &Type, index: usize) -> Option<Ident> {
        let message = signature::behind_reference(argument).to_token_stream();
        let (is_one_word, end) = (
            message.clone().into_iter().count() == 1,
            Extent::of(message).end,
        );
        let name = format!("{}Message", self.variant(index));
        (!is_one_word).then(|| Ident::new(&name, end))
    }

    /// A name of its own for each message: the last segment, or all of them if that is not enough.
    fn variant(&self, index: usize) -> Ident {
        let name = |ty: &Type| types::last_segment(ty).map(|segment| segment.ident.clone());
        let own = name(&self.listed[index]);
        let is_clear = self
            .listed
            .iter()
            .filter(|listed| name(listed) == own)
            .count()
            == 1;
        match own {
            Some(ident) if is_clear => spans::renamed(&ident),
            Some(ident) => format_ident!("{}{}", ident, index, span = spans::at(ident.span())),
            None => format_ident!("Message{}", index, span = spans::attribute()),
        }
    }
}
