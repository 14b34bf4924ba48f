//! `#[init]` and `#[on_rebuild]` of projections.

use quote::ToTokens;
use syn::{Attribute, ReturnType};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::signature::{arguments, check_plain, output};
use crate::sourcing::projection::model::{OnRebuild, ProjectionHooks, ProjectionInit};
use crate::sourcing::projection::tables;
use crate::{init as init_arguments, types};

/// Whether the method is one of the two.
pub(super) fn is_hook(function: &Function) -> bool {
    function.attributes.iter().any(is_mark)
}

fn is_mark(attribute: &Attribute) -> bool {
    is_init(attribute) || attribute.path().is_ident("on_rebuild")
}

fn is_init(attribute: &Attribute) -> bool {
    attribute.path().is_ident("init")
}

/// The block's hooks.
pub(super) fn find(block: &Block, diagnostics: &Diagnostics) -> ProjectionHooks {
    let mut hooks = ProjectionHooks::default();
    for member in &block.members {
        let Member::Method(function) = member else {
            continue;
        };
        let Some(mark) = function.attributes.iter().find(|it| is_mark(it)) else {
            continue;
        };
        check_plain("the hook", &function.signature, diagnostics);
        let first = if is_init(mark) {
            let first = hooks.init.take().map(|init| init.method);
            hooks.init = Some(init(function, diagnostics));
            first
        } else {
            let first = hooks.on_rebuild.take().map(|hook| hook.method);
            hooks.on_rebuild = Some(on_rebuild(function, diagnostics));
            first
        };
        if let Some(first) = first {
            let mark_text = types::text(mark.path());
            let message = format!(
                "`{first}` and `{}` are both `#[{mark_text}]`",
                function.signature.ident
            );
            diagnostics.error(mark, message, "keep one, and call the other from it");
        }
    }
    hooks
}

/// Takes the marks off, which only this macro understands.
pub(in crate::sourcing) fn unmark(block: &mut Block) {
    for member in &mut block.members {
        if let Member::Method(function) = member {
            function.attributes.retain(|attribute| !is_mark(attribute));
        }
    }
}

/// `#[init]` makes the projection of resources.
fn init(function: &Function, diagnostics: &Diagnostics) -> ProjectionInit {
    let signature = &function.signature;
    let form = "return `Self` or `nether::Result<Self>`";
    if let Some(receiver) = signature.receiver() {
        let message = format!(
            "`#[init]` makes the projection, so `{}` cannot take `self`",
            signature.ident
        );
        diagnostics.error(receiver, message, format!("remove `self`, and {form}"));
    } else if let ReturnType::Default = signature.output {
        let message = format!(
            "`#[init]` makes the projection, but `{}` gives nothing back",
            signature.ident
        );
        diagnostics.error(&signature.ident, message, form);
    }
    let on_context = "remove it: a projection only reads off what has happened, and sends nothing";
    let taken = arguments(signature);
    tables::check_init(&taken, diagnostics);
    let mut resources = init_arguments::asked(signature, diagnostics);
    resources.retain(|asked| !tables::is_tables(&asked.ty));
    for asked in &resources {
        init_arguments::check_argument(&asked.ty, on_context, diagnostics);
    }
    ProjectionInit {
        method: signature.ident.clone(),
        is_async: signature.asyncness.is_some(),
        resources,
        is_tables: taken.iter().map(|ty| tables::is_tables(ty)).collect(),
        output: output(signature),
    }
}

/// `#[on_rebuild]` removes what was written.
fn on_rebuild(function: &Function, diagnostics: &Diagnostics) -> OnRebuild {
    let signature = &function.signature;
    if signature.receiver().is_none() {
        let message = format!(
            "`#[on_rebuild]` runs on the projection, but `{}` takes no `self`",
            signature.ident
        );
        diagnostics.error(&signature.ident, message, "take `&mut self` or `&self`");
    }
    OnRebuild {
        method: signature.ident.clone(),
        is_async: signature.asyncness.is_some(),
        asyncness: signature.asyncness.to_token_stream(),
        arguments: arguments(signature).into_iter().cloned().collect(),
        output: output(signature),
    }
}
