//! Functions and `impl` blocks whose bodies stay raw tokens: a typo in a body is the compiler's to report, at
//! the typo.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::{
    AttrStyle, Attribute, Generics, Path, Result, Signature, Token, Type, Visibility, WhereClause,
    braced, token,
};

/// A function or method. What stands between its visibility and its signature (`default`) is not kept.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// The body with its braces; or a semicolon, about which the compiler has something to say.
    pub(crate) body: TokenStream,
}

/// An `impl` block.
pub(crate) struct Block {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    /// The trait, which a module's block must not have.
    pub(crate) of_trait: Option<(Path, Token![for])>,
    pub(crate) self_ty: Type,
    pub(crate) where_clause: Option<WhereClause>,
    pub(crate) brace: token::Brace,
    pub(crate) members: Vec<Member>,
}

/// What stands in an `impl` block.
pub(crate) enum Member {
    Method(Box<Function>),
    /// A constant, a type, a macro call: kept as written.
    Other(TokenStream),
    /// A method whose signature does not parse. The compiler has read the block before it handed it over, so
    /// it has reported this already.
    Broken(TokenStream),
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        if !input.peek(token::Brace) && !input.peek(Token![;]) {
            return Err(input.error("expected a body"));
        }
        let body = input.parse::<TokenTree>()?.into();
        Ok(Function {
            attributes,
            visibility,
            signature,
            body,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Function {
            attributes,
            visibility,
            signature,
            body,
        } = self;
        tokens.extend(quote!(#(#attributes)* #visibility #signature #body));
    }
}

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let unsafety = input.parse()?;
        let impl_token = input.parse()?;
        let generics = if input.peek(Token![<]) && !input.peek2(Token![<]) {
            input.parse()?
        } else {
            Generics::default()
        };
        let (of_trait, self_ty) = header(input)?;
        let where_clause = input.parse()?;
        let content;
        let brace = braced!(content in input);
        attributes.extend(content.call(Attribute::parse_inner)?);
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Block {
            attributes,
            unsafety,
            impl_token,
            generics,
            of_trait,
            self_ty,
            where_clause,
            brace,
            members,
        })
    }
}

/// `Type`, or `Trait for Type`.
fn header(input: ParseStream<'_>) -> Result<(Option<(Path, Token![for])>, Type)> {
    let fork = input.fork();
    let negative = fork.parse::<Option<Token![!]>>().is_ok();
    if let (true, Ok(path), Ok(for_token)) = (negative, fork.parse(), fork.parse()) {
        input.advance_to(&fork);
        return Ok((Some((path, for_token)), input.parse()?));
    }
    Ok((None, input.parse()?))
}

impl ToTokens for Block {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let outer = self
            .attributes
            .iter()
            .filter(|attribute| matches!(attribute.style, AttrStyle::Outer));
        let inner = self
            .attributes
            .iter()
            .filter(|attribute| !matches!(attribute.style, AttrStyle::Outer));
        let Block {
            unsafety,
            impl_token,
            generics,
            self_ty,
            where_clause,
            members,
            ..
        } = self;
        let of_trait = self
            .of_trait
            .iter()
            .map(|(path, for_token)| quote!(#path #for_token));
        tokens.extend(
            quote!(#(#outer)* #unsafety #impl_token #generics #(#of_trait)* #self_ty #where_clause),
        );
        self.brace.surround(tokens, |tokens| {
            tokens.extend(quote!(#(#inner)* #(#members)*))
        });
    }
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let fork = input.fork();
        if let Ok(function) = fork.parse::<Function>() {
            input.advance_to(&fork);
            return Ok(Member::Method(Box::new(function)));
        }
        let is_function = begins_function(&input.fork());
        let is_definition = !is_function && begins_definition(&input.fork());
        let tokens = member_tokens(input, is_definition)?;
        Ok(if is_function {
            Member::Broken(tokens)
        } else {
            Member::Other(tokens)
        })
    }
}

impl ToTokens for Member {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Member::Method(function) => function.to_tokens(tokens),
            Member::Other(other) | Member::Broken(other) => other.to_tokens(tokens),
        }
    }
}

/// Whether `fn` is the first thing behind attributes, visibility and the qualifiers of functions.
fn begins_function(input: ParseStream<'_>) -> bool {
    skip_front(input);
    while input.peek(Token![const])
        || input.peek(Token![async])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern])
    {
        let _ = input.parse::<TokenTree>();
    }
    input.peek(Token![fn])
}

/// Whether the member is a `const` or a `type`: it ends at a semicolon, not at its first brace.
fn begins_definition(input: ParseStream<'_>) -> bool {
    skip_front(input);
    input.peek(Token![const]) || input.peek(Token![type])
}

fn skip_front(input: ParseStream<'_>) {
    let _ = input.call(Attribute::parse_outer);
    let _ = input.parse::<Visibility>();
}

/// The tokens up to the end of the member: a semicolon or, except for definitions, a group in braces.
fn member_tokens(input: ParseStream<'_>, is_definition: bool) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() {
        let ends_here = input.peek(Token![;]) || (input.peek(token::Brace) && !is_definition);
        tokens.extend([input.parse::<TokenTree>()?]);
        if ends_here {
            break;
        }
    }
    Ok(tokens)
}
