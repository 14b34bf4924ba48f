//! Documentation comments as plain text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The documentation above an item or a field; empty if there is none.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let pieces: Vec<String> = attributes.iter().filter_map(piece).collect();
    let lines: Vec<&str> = pieces.iter().flat_map(|piece| piece.split('\n')).collect();
    let lines: Vec<&str> = lines.into_iter().map(unindented).collect();
    lines.join("\n").trim().to_owned()
}

/// What one `///` or `#[doc = ".."]` says. A macro in place of the text is not known yet, and left out.
fn piece(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let mut value = &pair.value;
    // What `macro_rules!` puts there stands in an invisible group.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

/// The line without the space behind `///`; what is indented further stays so.
fn unindented(line: &str) -> &str {
    line.strip_prefix(' ').unwrap_or(line).trim_end()
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::{Attribute, Field, parse::Parser};

    use super::text;

    fn attributes(field: proc_macro2::TokenStream) -> Vec<Attribute> {
        let field = Field::parse_named.parse2(field).expect("a field");
        field.attrs
    }

    #[test]
    fn lines_are_joined_and_keep_their_own_indentation() {
        let attributes = attributes(quote! {
            /// The order.
            #[serde(default)]
            ///
            ///     like this
            #[doc = "More."]
            order_id: String
        });
        assert_eq!(text(&attributes), "The order.\n\n    like this\nMore.");
    }

    #[test]
    fn what_is_no_text_says_nothing() {
        let attributes = attributes(quote! {
            #[doc(hidden)]
            #[doc = include_str!("order.md")]
            #[deprecated = "old"]
            order_id: String
        });
        assert_eq!(text(&attributes), "");
    }
}
