//! The arguments of `#[init]`, which modules and projections have: the rules that syntax shows, and how they
//! are asked for. The compiler checks that all else is a `Resource`. `#[resource("..")]` also stands at
//! arguments of decisions of aggregates.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, FnArg, GenericArgument, LitStr, PathArguments, Signature, Type};

use crate::block::{Block, Function, Member};
use crate::diagnostics::Diagnostics;
use crate::paths::Paths;
use crate::signature::{behind_reference, is_context};
use crate::{spans, types};

/// Checks one of them. `on_context` says what to do instead of taking a context.
pub(crate) fn check_argument(ty: &Type, on_context: &str, diagnostics: &Diagnostics) {
    let (taken, written) = (behind_reference(ty), types::text(ty));
    let resource = within_resource(taken);
    let asked = behind_reference(resource.unwrap_or(taken));
    let asked_text = types::text(asked).replace("impl ", "dyn ");
    if is_context(asked) {
        let message = "`#[init]` is given no context: other modules may not be there yet";
        diagnostics.error(ty, message, on_context);
    } else if mentions_self(ty.to_token_stream()) {
        let message = format!("`#[init]` makes `Self`, so it cannot ask for `{written}`");
        let help =
            "its arguments are what the program provides: `Resource<Name>` of a type of yours";
        diagnostics.error(ty, message, help);
    } else if is_trait(asked) {
        let message =
            format!("`#[init]` cannot ask for `{written}`: a resource is found by its exact type");
        let help = format!(
            "write `Resource<std::sync::Arc<{asked_text}>>`, and provide that type: \
             `.provide(std::sync::Arc::new(value) as std::sync::Arc<{asked_text}>)`"
        );
        diagnostics.error(ty, message, help);
    } else if let Type::Reference(_) = ty {
        // A resource is a handle already, so nothing is borrowed.
        let message = format!("`#[init]` cannot ask for a reference: `{written}`");
        diagnostics.error(ty, message, format!("write `Resource<{asked_text}>`"));
    }
}

/// An argument of `#[init]` that is a resource.
pub(crate) struct AskedResource {
    pub(crate) ty: Type,
    /// What `#[resource("..")]` says.
    pub(crate) name: Option<LitStr>,
}

/// The resources among the arguments.
pub(crate) fn asked(signature: &Signature, diagnostics: &Diagnostics) -> Vec<AskedResource> {
    let typed = signature
        .inputs
        .iter()
        .filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
    let asked = typed.map(|typed| AskedResource {
        ty: types::ungrouped(&typed.ty).clone(),
        name: resource_name(&typed.attrs, diagnostics),
    });
    asked.collect()
}

/// What `#[resource("..")]` says, if it is there.
pub(crate) fn resource_name(attributes: &[Attribute], diagnostics: &Diagnostics) -> Option<LitStr> {
    let mut marks = attributes.iter().filter(|it| is_resource(it));
    let mark = marks.next()?;
    if let Some(second) = marks.next() {
        let message = "`#[resource(..)]` stands here twice".to_owned();
        diagnostics.error(second, message, "keep one: a resource has one name");
    }
    match mark.parse_args::<LitStr>() {
        Ok(name) if !name.value().is_empty() => Some(name),
        _ => {
            let message = "`#[resource(..)]` is not written like this".to_owned();
            let help =
                "write the name with which the resource is provided: `#[resource(\"replica\")]`";
            diagnostics.error(mark, message, help);
            None
        }
    }
}

fn is_resource(attribute: &Attribute) -> bool {
    attribute.path().is_ident("resource")
}

/// Reports `#[resource(..)]` at arguments that ask for no resource. `asks` says which do, by the method and
/// the type of the argument; `help` where the mark may stand.
pub(crate) fn check_misplaced(
    block: &Block,
    asks: impl Fn(&Function, &Type) -> bool,
    help: &str,
    diagnostics: &Diagnostics,
) {
    for function in methods(block) {
        for argument in &function.signature.inputs {
            let (attributes, asks) = match argument {
                FnArg::Typed(typed) => (&typed.attrs, asks(function, &typed.ty)),
                FnArg::Receiver(receiver) => (&receiver.attrs, false),
            };
            let mark = attributes.iter().find(|it| is_resource(it));
            if let Some(mark) = mark.filter(|_| !asks) {
                let message =
                    "`#[resource(..)]` cannot stand here: this argument is not given a resource";
                diagnostics.error(mark, message, help);
            }
        }
    }
}

fn methods(block: &Block) -> impl Iterator<Item = &Function> {
    block.members.iter().filter_map(|member| match member {
        Member::Method(function) => Some(&**function),
        Member::Other(_) | Member::Broken(_) => None,
    })
}

/// Whether the method is marked `#[init]`.
pub(crate) fn is_init(function: &Function) -> bool {
    let mut attributes = function.attributes.iter();
    attributes.any(|it| it.path().is_ident("init"))
}

/// Takes `#[resource(..)]` off all arguments, which only these macros understand.
pub(crate) fn unmark(block: &mut Block) {
    for member in &mut block.members {
        let Member::Method(function) = member else {
            continue;
        };
        for argument in &mut function.signature.inputs {
            let attributes = match argument {
                FnArg::Typed(typed) => &mut typed.attrs,
                FnArg::Receiver(receiver) => &mut receiver.attrs,
            };
            attributes.retain(|attribute| !is_resource(attribute));
        }
    }
}

/// A constant for each argument: the one place that asks whether it is a resource, so that the compiler says
/// once of what is none.
pub(crate) fn slots(resources: &[AskedResource], paths: &Paths) -> TokenStream {
    let p = paths.private();
    let slots = resources.iter().enumerate().map(|(index, asked)| {
        let slot = slot(index);
        let AskedResource { ty, name } = asked;
        let named = name.as_ref().map(|name| quote!(.named(#name)));
        quote_spanned! {spans::attribute()=>
            const #slot: #p::InitSlot<#ty> = <#ty as #p::InitArgument>::SLOT #named;
        }
    });
    quote!(#(#slots)*)
}

/// What the module's descriptor says of the arguments.
pub(crate) fn descriptors(resources: &[AskedResource]) -> impl Iterator<Item = TokenStream> {
    (0..resources.len()).map(|index| {
        let slot = slot(index);
        quote!(#slot.descriptor)
    })
}

/// The arguments themselves, found in `resources`.
pub(crate) fn found(count: usize, resources: &Ident) -> impl Iterator<Item = TokenStream> {
    (0..count).map(move |index| {
        let slot = slot(index);
        quote!(#slot.find(#resources)?)
    })
}

fn slot(index: usize) -> Ident {
    format_ident!("INIT_ARGUMENT_{}", index, span = spans::attribute())
}

/// `T` of `Resource<T>`.
fn within_resource(ty: &Type) -> Option<&Type> {
    let segment = types::last_segment(ty).filter(|segment| segment.ident == "Resource")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(types::ungrouped(ty)),
        _ => None,
    }
}

fn is_trait(ty: &Type) -> bool {
    matches!(ty, Type::TraitObject(_) | Type::ImplTrait(_))
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}
