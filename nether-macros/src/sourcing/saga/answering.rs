//! The method of a saga that says what a command is answered with when its saga has failed.

use syn::{ReceiverKind, Type};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::signature::{arguments, behind_reference, check_plain, output};
use crate::sourcing::saga::model::Answer;
use crate::types;

/// Whether the method is it: it takes the step that has failed.
pub(super) fn is_answer(function: &Function) -> bool {
    arguments(&function.signature)
        .first()
        .is_some_and(|it| is_failure(it))
}

fn is_failure(ty: &Type) -> bool {
    let segment = types::last_segment(behind_reference(ty));
    segment.is_some_and(|segment| segment.ident == "StepFailed")
}

/// The block's own.
pub(super) fn find(block: &Block, has_commands: bool, diagnostics: &Diagnostics) -> Option<Answer> {
    let mut answer: Option<Answer> = None;
    for member in &block.members {
        let Member::Method(function) = member else {
            continue;
        };
        if !is_answer(function) {
            continue;
        }
        let name = &function.signature.ident;
        check(function, has_commands, diagnostics);
        if let Some(first) = &answer {
            let message = format!("`{}` and `{name}` both say what is answered", first.method);
            let help = "keep one: all commands that start a saga have one error";
            diagnostics.error(name, message, help);
        }
        answer.get_or_insert(Answer {
            method: name.clone(),
            output: output(&function.signature),
        });
    }
    answer
}

fn check(function: &Function, has_commands: bool, diagnostics: &Diagnostics) {
    let signature = &function.signature;
    let name = &signature.ident;
    let form = format!("write `fn {name}(&self, failed: &StepFailed) -> Error`");
    check_plain("the method", signature, diagnostics);
    if let Some(asyncness) = &signature.asyncness {
        let message = format!("`{name}` says what is answered, and cannot wait");
        diagnostics.error(asyncness, message, form.as_str());
    }
    let is_shared = signature
        .receiver()
        .is_some_and(|receiver| matches!(&receiver.kind, ReceiverKind::Reference(_, _, None)));
    if !is_shared {
        let message = format!("`{name}` says what is answered, and does not take `&self`");
        diagnostics.error(name, message, form.as_str());
    }
    let arguments = arguments(signature);
    if let Some(first) = arguments.first()
        && !matches!(first, Type::Reference(it) if it.mutability.is_none())
    {
        let message =
            format!("`{name}` takes the step that has failed otherwise than by reference");
        diagnostics.error(first, message, form.as_str());
    }
    if let Some(other) = arguments.get(1) {
        let message = format!("`{name}` takes something besides the step that has failed");
        diagnostics.error(other, message, form);
    }
    if !has_commands {
        let message = format!("`{name}` answers no command: none starts the saga");
        let help = "list the command: `starts = [Command]`; why a saga of events has failed is reported by `SagaFailed`";
        diagnostics.error(name, message, help);
    }
}
