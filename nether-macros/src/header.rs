//! What an attribute that stands above an `impl` block asks of the block: that it is an inherent one, of one
//! concrete type.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::{Error, GenericParam};

use crate::block::{Block, Member};
use crate::diagnostics::Diagnostics;
use crate::spans::Extent;
use crate::{recover, source, types};

/// Whose block it is, for errors.
pub(crate) struct Whose {
    /// The attribute.
    pub(crate) attribute: &'static str,
    /// What it makes of the type.
    pub(crate) noun: &'static str,
    /// The noun with its article.
    pub(crate) a_noun: &'static str,
    /// The members of the block, as written.
    pub(crate) content: &'static str,
}

pub(crate) const MODULE: Whose = Whose {
    attribute: "module",
    noun: "module",
    a_noun: "a module",
    content: "the handlers",
};

/// Gives back the type's name.
pub(crate) fn check(block: &Block, whose: &Whose, diagnostics: &Diagnostics) -> Option<Ident> {
    let Whose {
        attribute,
        noun,
        a_noun,
        content,
    } = whose;
    let written = types::text(&block.self_ty);
    if let Some((of_trait, _)) = &block.of_trait {
        let message = format!(
            "`#[{attribute}]` stands above an inherent block, not above `impl {} for ..`",
            types::text(of_trait)
        );
        let help = format!("write {content} in `impl {written} {{ .. }}`");
        diagnostics.error(of_trait, message, help);
        return None;
    }
    if !block.generics.params.is_empty() {
        let message = format!("the {noun} `{written}` is generic");
        let mut params = block.generics.params.iter();
        let only_borrows = params.all(|param| matches!(param, GenericParam::Lifetime(_)));
        let help = if only_borrows {
            format!(
                "{a_noun} owns what it works with: hold a `Resource<T>`, an `Arc<T>` or the value itself"
            )
        } else {
            format!(
                "{a_noun} is one concrete type: remove the parameters, or write {a_noun} for each type"
            )
        };
        diagnostics.error(&block.generics, message, help);
        return None;
    }
    if let Some(clause) = &block.where_clause {
        let message = format!("the {noun} `{written}` has a `where` clause");
        let help = format!("remove it: {a_noun} is one concrete type");
        diagnostics.error(clause, message, help);
    }
    let segment = types::last_segment(&block.self_ty);
    match segment {
        Some(segment) if segment.arguments.is_none() => Some(segment.ident.clone()),
        _ => {
            let message = format!("`{written}` is not the name of a struct or an enum");
            let help = format!("give the {noun} a type of its own, like `struct Name({written});`");
            diagnostics.error(&block.self_ty, message, help);
            None
        }
    }
}

/// A type has one block with the attribute. Gives back whether this is a further one.
pub(crate) fn check_single(block: &Block, whose: &Whose, diagnostics: &Diagnostics) -> bool {
    let Whose {
        attribute, noun, ..
    } = whose;
    let Some(segment) = types::last_segment(&block.self_ty) else {
        return false;
    };
    let name = &segment.ident;
    let is_further = source::has_earlier_block(attribute, name, block);
    if is_further {
        let message = format!("the {noun} `{name}` has two `#[{attribute}]` blocks");
        let help = format!(
            "write one: move these methods and what `#[{attribute}(..)]` lists into the block above; \
             methods that handle nothing may stand in an `impl {name}` block without `#[{attribute}]`"
        );
        diagnostics.error(&block.self_ty, message, help);
    }
    is_further
}

/// What does not parse as a method is left out: the compiler could not read on behind it.
pub(crate) fn take_broken(block: &mut Block) -> Vec<TokenStream> {
    let members = std::mem::take(&mut block.members);
    let mut unread = Vec::new();
    for member in members {
        match member {
            Member::Broken(tokens) => unread.push(tokens),
            sound => block.members.push(sound),
        }
    }
    unread
}

/// The error for an item that is no `impl` block.
pub(crate) fn not_a_block(item: TokenStream, whose: &Whose) -> Option<Error> {
    let keyword = recover::keyword(item)?;
    if matches!(keyword.to_string().as_str(), "impl" | "unsafe") {
        return None;
    }
    let Whose { attribute, .. } = whose;
    let message = format!(
        "`#[{attribute}]` stands above an `impl` block, not `{keyword}`\n\
         help: move it down, to the `impl` block with the handlers: `#[{attribute}(handles = [..])] impl Name {{ .. }}`"
    );
    Some(Error::new_spanned(keyword, message))
}

/// A method that this macro cannot read is nearly always half-written, which the compiler has reported. If it
/// is not, but newer than this macro, it must not be lost in silence: the build fails, where a check of
/// half-written code says nothing.
pub(crate) fn unread(whose: &Whose, method: &TokenStream) -> TokenStream {
    let Whose { attribute, .. } = whose;
    let text = format!(
        "`#[{attribute}]` cannot read this method, so nothing would call it: write it in another way, or move it \
         to an `impl` block without `#[{attribute}]`"
    );
    let Extent { start, end } = Extent::of(method);
    let panic = quote_spanned!(end=> { ::core::panic!(#text) });
    quote_spanned! {start=>
        const _: () = {
            #[used]
            static UNREAD: fn() = || const #panic;
        };
    }
}
