//! The rule that every listed message has its handler, and why one may not have it.

use syn::{Signature, Type};

use crate::block::{Block, Member};
use crate::lists::{self, Match};
use crate::module::handlers::HandlerFinder;
use crate::module::{hooks, signature};
use crate::{suggest, types};

impl HandlerFinder<'_> {
    /// Every listed message has its handler.
    pub(super) fn check_all_handled(&mut self, block: &Block) {
        let open = self.listed.iter().zip(&self.explained);
        let open: Vec<&Type> = open
            .filter(|(_, explained)| !**explained)
            .map(|(message, _)| message)
            .collect();
        for message in open {
            if let Some((signature, argument)) = self.near_miss(block, message) {
                self.report_near_miss(signature, argument, message);
            } else if let Some((signature, meant)) = self.misspelt(block, message) {
                self.report_misspelt(signature, meant, message);
                self.meant.push(meant.clone());
            } else if let Some(of) = lists::enum_of_variant(message) {
                self.report_variant(message, &of);
            } else {
                self.report_unhandled(block, message);
            }
        }
    }

    fn report_unhandled(&self, block: &Block, message: &Type) {
        let written = types::text(message);
        let argument = suggest::snake_case(written.rsplit("::").next().unwrap_or(&written));
        let text = format!("no method in this `#[module]` block handles `{written}`");
        let mut named = methods(block).filter(|signature| signature.ident == argument);
        let help = if named.next().is_some() {
            format!(
                "let `{argument}` take the message as its first argument: `{argument}: {written}` \
                 (`{argument}: &{written}` if it is an event)"
            )
        } else {
            format!(
                "add it here: `async fn {argument}(&mut self, {argument}: {written}) {{ .. }}` \
                 (`{argument}: &{written}` if it is an event)"
            )
        };
        self.diagnostics.error(message, text, help);
    }

    fn report_variant(&self, message: &Type, of: &str) {
        let text = format!(
            "no method handles `{}`: if it is a variant, it is no message by itself",
            types::text(message)
        );
        let help = format!("list the enum, `{of}`, and take it whatever its variant");
        self.diagnostics.error(message, text, help);
    }

    /// A method that takes what is nearly written like the message first; and what it takes.
    fn misspelt<'b>(&self, block: &'b Block, message: &Type) -> Option<(&'b Signature, &'b Type)> {
        let taking = methods(block).filter_map(|signature| {
            signature.receiver()?;
            let first = *signature::arguments(signature).first()?;
            let taken = signature::behind_reference(first);
            let is_free = !signature::is_context(first)
                && matches!(lists::find(self.listed, taken), Match::None);
            is_free.then_some((signature, taken))
        });
        let written = types::text(message);
        let mut near = taking.filter(|(_, taken)| {
            suggest::nearest(&written, [types::text(taken).as_str()]).is_some()
        });
        near.next()
    }

    fn report_misspelt(&self, signature: &Signature, meant: &Type, message: &Type) {
        let [written, meant] = [message, meant].map(types::text);
        let text = format!(
            "no method handles `{written}`: did you mean `{meant}`, which `{}` takes?",
            signature.ident
        );
        self.diagnostics
            .error(message, text, format!("write `{meant}` in `handles`"));
    }

    /// A near miss: a function that takes the message but has no `self`, or takes it in another position; and
    /// that position.
    fn near_miss<'b>(&self, block: &'b Block, message: &Type) -> Option<(&'b Signature, &'b Type)> {
        let mut misses = methods(block).filter_map(|signature| {
            let arguments = signature::arguments(signature).into_iter();
            let mut taking = arguments.filter(|ty| self.is_listed_as(ty, message));
            Some((signature, taking.next()?))
        });
        misses.next()
    }

    fn is_listed_as(&self, argument: &Type, message: &Type) -> bool {
        match lists::find(self.listed, signature::behind_reference(argument)) {
            Match::One(index) => types::same(&self.listed[index], message),
            Match::None | Match::Several(_) => false,
        }
    }

    fn report_near_miss(&self, signature: &Signature, argument: &Type, message: &Type) {
        let (ident, written) = (&signature.ident, types::text(message));
        let text = format!("`{ident}` does not handle `{written}`, though `handles` lists it");
        if signature.receiver().is_none() {
            let help = format!("give `{ident}` a `&mut self` or `&self`");
            self.diagnostics
                .error(ident, format!("{text}: it has no `self`"), help);
        } else {
            let text = format!("{text}: it takes something else first");
            let help = "take the message first, and the context second";
            self.diagnostics.error(argument, text, help);
        }
    }
}

/// The methods and functions that are no hooks.
fn methods(block: &Block) -> impl Iterator<Item = &Signature> {
    block.members.iter().filter_map(|member| match member {
        Member::Method(function) if !hooks::is_hook(function) => Some(&function.signature),
        _ => None,
    })
}
