//! The rules for middleware: which methods it has, and how they are written.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    Error, GenericArgument, GenericParam, Path, PathArguments, ReceiverKind, ReturnType, Signature,
    Type, TypeParam, WhereClause,
};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::header::{self, Whose};
use crate::middleware::args::MiddlewareArgs;
use crate::{recover, signature, suggest, types};

pub(crate) const MIDDLEWARE: Whose = Whose {
    attribute: "middleware",
    noun: "middleware",
    a_noun: "middleware",
    content: "`around`",
};

const AROUND: &str = "around";
const COMMITTED: &str = "committed";

/// How `around` is written.
const FORM: &str =
    "async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M>";

/// How `committed` is written.
const COMMITTED_FORM: &str = "async fn committed(&self, done: &Committed<'_>)";

/// Middleware that makes sense.
pub(crate) struct CheckedMiddleware {
    pub(crate) block: Block,
    /// Its type's name; `None` if nothing can be made of it but the block itself.
    pub(crate) name: Option<Ident>,
    /// `None` if there is none that makes sense.
    pub(crate) around: Option<CheckedAround>,
    /// The method that follows a commit.
    pub(crate) committed: Option<CheckedMethod>,
    pub(crate) renamed: Option<Path>,
    /// The methods that could not be read.
    pub(crate) unread: Vec<TokenStream>,
}

/// A method that can be called.
pub(crate) struct CheckedMethod {
    pub(crate) method: Ident,
    /// What to point at when its result is wrong: its return type, or its name.
    pub(crate) output: TokenStream,
}

/// A method that stands around handlers.
pub(crate) struct CheckedAround {
    pub(crate) method: CheckedMethod,
    /// The messages that it is for: its type parameter, or a message.
    pub(crate) message: Type,
    /// Its type parameter, if it has one.
    pub(crate) parameter: Option<TypeParam>,
    pub(crate) where_clause: Option<WhereClause>,
}

/// Checks everything.
pub(crate) fn check(
    args: MiddlewareArgs,
    mut block: Block,
    diagnostics: &Diagnostics,
) -> CheckedMiddleware {
    let name = header::check(&block, &MIDDLEWARE, diagnostics);
    let around = match method(&block, AROUND) {
        _ if name.is_none() => None,
        Some(function) => check_around(&function.signature, diagnostics),
        None => {
            report_none(&block, diagnostics);
            None
        }
    };
    let committed = method(&block, COMMITTED);
    let committed =
        committed.and_then(|function| check_committed(&function.signature, diagnostics));
    let unread = header::take_broken(&mut block);
    CheckedMiddleware {
        block,
        name,
        around,
        committed,
        renamed: args.renamed,
        unread,
    }
}

/// The error for an item that is no `impl` block.
pub(crate) fn not_a_block(item: TokenStream) -> Option<Error> {
    let keyword = recover::keyword(item)?;
    if matches!(keyword.to_string().as_str(), "impl" | "unsafe") {
        return None;
    }
    let message = format!(
        "`#[middleware]` stands above an `impl` block, not `{keyword}`\n\
         help: move it down, to `impl Name {{ {FORM} {{ .. }} }}`"
    );
    Some(Error::new_spanned(keyword, message))
}

fn method<'b>(block: &'b Block, name: &str) -> Option<&'b Function> {
    methods(block).find(|function| function.signature.ident == name)
}

fn methods(block: &Block) -> impl Iterator<Item = &Function> {
    block.members.iter().filter_map(|member| match member {
        Member::Method(function) => Some(&**function),
        Member::Other(_) | Member::Broken(_) => None,
    })
}

/// Without `around` there is nothing to run.
fn report_none(block: &Block, diagnostics: &Diagnostics) {
    if block
        .members
        .iter()
        .any(|member| matches!(member, Member::Broken(_)))
    {
        return;
    }
    let ty = &block.self_ty;
    let mut names = methods(block).map(|function| &function.signature.ident);
    let meant = names.find(|name| suggest::nearest(&name.to_string(), [AROUND]).is_some());
    match meant {
        Some(name) => {
            let message = format!(
                "`{}` has no `around`: did you mean it with `{name}`?",
                types::text(ty)
            );
            diagnostics.error(name, message, format!("write `{FORM}`"));
        }
        None => {
            let message = format!("`{}` has no `around`", types::text(ty));
            diagnostics.error(ty, message, format!("write `{FORM}`"));
        }
    }
}

fn check_around(signature: &Signature, diagnostics: &Diagnostics) -> Option<CheckedAround> {
    let before = diagnostics.count();
    check_callable(signature, FORM, diagnostics);
    let message = check_arguments(signature, diagnostics);
    let parameter = check_generics(signature, message.as_ref(), diagnostics);
    if let ReturnType::Default = signature.output {
        let text = "`around` gives no answer";
        diagnostics.error(&signature.ident, text, format!("write `{FORM}`"));
    }
    let message = message.filter(|_| diagnostics.count() == before)?;
    Some(CheckedAround {
        method: checked(signature),
        message,
        parameter,
        where_clause: signature.generics.where_clause.clone(),
    })
}

fn check_committed(signature: &Signature, diagnostics: &Diagnostics) -> Option<CheckedMethod> {
    let before = diagnostics.count();
    check_callable(signature, COMMITTED_FORM, diagnostics);
    let arguments = signature::arguments(signature);
    let is_right = match arguments[..] {
        [only] => is_named(signature::behind_reference(only), "Committed"),
        _ => false,
    };
    let has_type = signature.generics.type_params().next().is_some();
    if !is_right || has_type {
        let text = "`committed` takes the unit of work that was committed, and nothing else";
        let help = format!("write `{COMMITTED_FORM}`");
        diagnostics.error(&signature.inputs, text, help);
    }
    if let ReturnType::Type(_, output) = &signature.output
        && types::text(output) != "()"
    {
        let text = "`committed` gives nothing back: what is committed stays";
        diagnostics.error(output, text, format!("write `{COMMITTED_FORM}`"));
    }
    (diagnostics.count() == before).then(|| checked(signature))
}

fn checked(signature: &Signature) -> CheckedMethod {
    CheckedMethod {
        method: signature.ident.clone(),
        output: signature::output(signature),
    }
}

/// It is an `async fn` with `&self`: one value stands around many messages at a time.
fn check_callable(signature: &Signature, form: &str, diagnostics: &Diagnostics) {
    let (ident, help) = (&signature.ident, format!("write `{form}`"));
    if signature.asyncness.is_none() {
        diagnostics.error(ident, format!("`{ident}` is not `async`"), &help);
    }
    match signature.receiver() {
        None => diagnostics.error(ident, format!("`{ident}` has no `&self`"), help),
        Some(receiver) => match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => {}
            _ => {
                let message = format!(
                    "`{ident}` takes `&self`: one value stands around many messages at a time"
                );
                let help = "what it changes is behind a `Mutex`, or atomic";
                diagnostics.error(receiver, message, help);
            }
        },
    }
}

/// The arguments are a `Call` and a `Next` of one message. Gives back the message.
fn check_arguments(signature: &Signature, diagnostics: &Diagnostics) -> Option<Type> {
    let help = format!("write `{FORM}`");
    let arguments = signature::arguments(signature);
    let [call, next] = arguments[..] else {
        let text = "`around` takes the call and what comes next";
        diagnostics.error(&signature.inputs, text, help);
        return None;
    };
    for (argument, name, place) in [(call, "Call", "first"), (next, "Next", "second")] {
        if message_of(argument, name).is_none() {
            let text = format!(
                "`around` takes a `{name}` as its {place} argument, not `{}`",
                types::text(argument)
            );
            diagnostics.error(argument, text, help);
            return None;
        }
    }
    let (called, follows) = (message_of(call, "Call")?, message_of(next, "Next")?);
    if !types::same(called, follows) {
        let text = format!(
            "the call is one of `{}`, but what comes next is for `{}`",
            types::text(called),
            types::text(follows)
        );
        diagnostics.error(next, text, help);
        return None;
    }
    Some(called.clone())
}

/// Its one type parameter is the message. Without one, it stands around that message alone.
fn check_generics(
    signature: &Signature,
    message: Option<&Type>,
    diagnostics: &Diagnostics,
) -> Option<TypeParam> {
    let params = signature.generics.params.iter();
    let mut parameter = None;
    for param in params {
        let is_message = match (param, message) {
            (GenericParam::Lifetime(_), _) => true,
            (GenericParam::Type(ty), Some(message)) => types::same(&ty.ident, message),
            (GenericParam::Type(_), None) => true,
            (GenericParam::Const(_), _) => false,
        };
        if !is_message {
            let text = "`around` is generic over its message and nothing else";
            let help = "nothing determines this parameter: remove it";
            diagnostics.error(param, text, help);
        } else if let GenericParam::Type(ty) = param {
            parameter = Some(ty.clone());
        }
    }
    parameter
}

/// `M` of `Call<'_, M>`.
fn message_of<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    if !is_named(ty, name) {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &types::last_segment(ty)?.arguments else {
        return None;
    };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    let message = types.next()?;
    types.next().is_none().then_some(message)
}

fn is_named(ty: &Type, name: &str) -> bool {
    let segment = types::last_segment(ty);
    segment.is_some_and(|segment| segment.ident.to_token_stream().to_string() == name)
}
