//! The rule that every listed message has its handler, and why one may not have it.

use syn::{Signature, Type};

use crate::block::{Block, Member};
use crate::lists::{self, Match};
use crate::module::handlers::HandlerFinder;
use crate::module::{hooks, signature};
use crate::{suggest, types};

impl HandlerFinder<'_> {
    /// Every listed message has its handler.
    pub(super) fn check_all_handled(&self, block: &Block) {
        let open = self.listed.iter().zip(&self.explained);
        for (message, _) in open.filter(|(_, explained)| !**explained) {
            match self.near_miss(block, message) {
                Some((signature, argument)) => self.report_near_miss(signature, argument, message),
                None => self.report_unhandled(message),
            }
        }
    }

    fn report_unhandled(&self, message: &Type) {
        let written = types::text(message);
        let argument = suggest::snake_case(written.rsplit("::").next().unwrap_or(&written));
        let text = format!("no method in this `#[module]` block handles `{written}`");
        let help = format!(
            "add it here: `async fn {argument}(&mut self, {argument}: {written}) {{ .. }}` \
             (`{argument}: &{written}` if it is an event)"
        );
        self.diagnostics.error(message, text, help);
    }

    /// A near miss: a function that takes the message but has no `self`, or takes it in another position; and
    /// that position.
    fn near_miss<'b>(&self, block: &'b Block, message: &Type) -> Option<(&'b Signature, &'b Type)> {
        let functions = block.members.iter().filter_map(|member| match member {
            Member::Method(function) if !hooks::is_hook(function) => Some(&function.signature),
            _ => None,
        });
        let mut misses = functions.filter_map(|signature| {
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
