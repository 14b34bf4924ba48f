//! What the macros make of sound input, kept as files so that a change of the expansion is seen and read; and
//! what they keep of input that is half-written.
//!
//! After a change on purpose: `UPDATE_SNAPSHOTS=1 cargo test -p nether-macros --features http`, and with
//! `--features eventstore`, then read the diff.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::entry::{self, EntryKind};
use crate::message::{self, MessageKind};
use crate::{middleware, module};

mod access;
#[cfg(feature = "eventstore")]
mod eventstore;
#[cfg(feature = "http")]
mod http;
#[cfg(not(feature = "eventstore"))]
mod without_eventstore;
#[cfg(not(feature = "http"))]
mod without_http;
#[cfg(not(feature = "test"))]
mod without_test;

/// Compares an expansion with `snapshots/<name>.rs`.
fn check(name: &str, expansion: TokenStream) {
    let file = syn::parse2(expansion).expect("an expansion is a list of items");
    let text = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("snapshots/{name}.rs"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).expect("the snapshot can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        expected,
        "{} differs; if that is right: UPDATE_SNAPSHOTS=1",
        path.display()
    );
}

/// Compares the expansion of a message: without the parts that the feature `eventstore` adds, which has
/// snapshots of its own.
fn check_message(name: &str, expansion: TokenStream) {
    let mut file = syn::parse2::<syn::File>(expansion).expect("an expansion is a list of items");
    for item in &mut file.items {
        if let syn::Item::Const(item) = item
            && let syn::Expr::Block(expr) = &mut *item.expr
        {
            let statements = &mut expr.block.stmts;
            statements.retain(|it| !mentions(it.to_token_stream(), "eventstore"));
        }
    }
    check(name, file.into_token_stream());
}

/// Whether an identifier occurs anywhere, also inside of string literals.
fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Literal(literal) => literal.to_string().contains(name),
        TokenTree::Punct(_) => false,
    })
}

/// The first lines of all errors in an expansion: what is wrong, without the help.
fn mistakes(expansion: TokenStream) -> Vec<String> {
    let file = syn::parse2::<syn::File>(expansion).expect("an expansion is a list of items");
    let errors = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) => Some(&item.mac),
        _ => None,
    });
    let texts = errors.filter_map(|error| error.parse_body::<syn::LitStr>().ok());
    let first = |text: syn::LitStr| text.value().lines().next().unwrap_or_default().to_owned();
    texts.map(first).collect()
}

#[test]
fn command() {
    let arguments = quote!(reply = Receipt, error = OrderError, key = order_id);
    let item = quote! {
        pub struct ProcessOrder {
            pub order_id: String,
        }
    };
    check_message(
        "command",
        message::attribute(MessageKind::Command, arguments, item),
    );
}

#[test]
fn event() {
    let item = quote! {
        #[derive(Debug, Clone)]
        pub enum OrderProcessed {
            InPart,
            Whole,
        }
    };
    check_message(
        "event",
        message::attribute(MessageKind::Event, quote!(name = "order.processed"), item),
    );
}

#[test]
fn middleware_for_all_messages() {
    let item = quote! {
        impl Audit {
            async fn around<M: Message + Named>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M>
            where
                M::Reply: Debug,
            {
                next.run(call).await
            }

            async fn committed(&self, done: &Committed<'_>) {
                self.flush(done).await;
            }
        }
    };
    check("middleware", middleware::attribute(quote!(), item));
}

#[test]
fn module_with_middleware() {
    let arguments = quote!(handles = [Open, Opened], with = [Audit], timeout = "2s");
    let item = quote! {
        impl Doors {
            #[handler(with = Quota, retry = 1)]
            async fn open(&mut self, open: Open) {}

            async fn opened(&mut self, opened: &Opened) {}
        }
    };
    check("module_with_middleware", module::attribute(arguments, item));
}

#[test]
fn exclusive_module() {
    let arguments = quote!(
        handles = [ProcessOrder, OrdersProcessed, Paid],
        emits = [OrderProcessed],
        after = Ledger
    );
    let item = quote! {
        impl Orders {
            #[init]
            async fn new(pool: Resource<PgPool>) -> nether::Result<Self> {
                Ok(Orders { pool })
            }

            #[on_stop]
            async fn stop(&mut self) {}

            async fn process(&mut self, order: ProcessOrder, ctx: &Context<Self>) -> Result<Receipt, OrderError> {
                self.charge(order, ctx).await
            }

            fn processed(&self, _: OrdersProcessed) -> u64 {
                self.processed
            }

            async fn paid(&mut self, paid: &Paid) {}
        }
    };
    check("exclusive_module", module::attribute(arguments, item));
}

#[test]
fn keyed_module() {
    let arguments = quote!(
        handles = [Hit, Moved, Won],
        per = player_id,
        keep = 100_000,
        idle = "5m"
    );
    let item = quote! {
        impl Player {
            #[init]
            async fn new(player_id: &u64, names: Resource<Names>) -> nether::Result<Self> {}

            async fn hit(&mut self, hit: Hit) -> u64 {}

            async fn moved(&mut self, moved: &Moved) {}

            #[handler(all, timeout = "1s")]
            async fn won(&mut self, won: &Won) {}

            #[on_idle]
            async fn leave(self) {}
        }
    };
    check("keyed_module", module::attribute(arguments, item));
}

#[test]
fn shared_module() {
    let item = quote! {
        impl Mailer {
            #[background]
            async fn sweep(&self, ctx: Context<Self>) {}

            async fn confirm(&self, event: &OrderProcessed) {}
        }
    };
    check(
        "shared_module",
        module::attribute(quote!(handles = OrderProcessed, manual), item),
    );
}

#[test]
fn main() {
    let item = quote! {
        async fn main(system: System) -> nether::Result<()> {
            Ok(())
        }
    };
    let arguments = quote!(flavor = "current_thread", modules = [Orders, Mailer]);
    check("main", entry::attribute(EntryKind::Main, arguments, item));
}

#[test]
fn a_renamed_crate_is_named_everywhere() {
    let expansions = [
        message::attribute(
            MessageKind::Command,
            quote!(crate = n, requires = ["a", b]),
            quote!(
                struct Pay {
                    order: u64,
                }
            ),
        ),
        message::attribute(
            MessageKind::Query,
            quote!(crate = n),
            quote!(
                struct IsPaid;
            ),
        ),
        message::attribute(
            MessageKind::Event,
            quote!(crate = n),
            quote!(
                struct Paid;
            ),
        ),
        module::attribute(
            quote!(handles = [Pay, Paid], emits = [], crate = n),
            quote!(impl Till {
                async fn pay(&mut self, pay: Pay, ctx: &Context<Self>) {}
                async fn paid(&self, paid: &Paid) {}
            }),
        ),
        entry::attribute(
            EntryKind::Main,
            quote!(crate = n),
            quote!(
                async fn main(system: System) {}
            ),
        ),
        #[cfg(feature = "test")]
        entry::attribute(
            EntryKind::Test,
            quote!(crate = n),
            quote!(
                async fn test(system: System) {}
            ),
        ),
    ];
    for expansion in expansions {
        assert!(!mentions(expansion.clone(), "nether"), "{expansion}");
        assert!(mentions(expansion.clone(), "n"), "{expansion}");
    }
}

#[test]
fn a_half_written_body_changes_nothing_else() {
    let item = quote! {
        impl Till {
            async fn pay(&mut self, pay: Pay, ctx: &Context<Self>) { let amount = pay. }
            async fn paid(&mut self, paid: &Paid) {}
        }
    };
    let expansion = module::attribute(quote!(handles = [Pay, Paid]), item).to_string();
    assert!(
        expansion.contains("let amount = pay ."),
        "the body stays for the compiler and for editors: {expansion}"
    );
    assert!(
        expansion.contains("TillInbox :: Pay") && expansion.contains("TillInbox :: Paid"),
        "{expansion}"
    );
    assert!(!expansion.contains("compile_error"), "{expansion}");
}

#[test]
fn a_half_written_signature_leaves_the_rest_of_the_block() {
    let item = quote! {
        impl Till {
            async fn pay(&mut self, pay: ) {}
            async fn paid(&mut self, paid: &Paid) {}
        }
    };
    let expansion = module::attribute(quote!(handles = [Pay, Paid]), item).to_string();
    // The compiler reports it when it parses the block; should it not, the build fails all the same.
    assert!(!expansion.contains("compile_error"), "{expansion}");
    assert!(expansion.contains("cannot read this method"), "{expansion}");
    assert!(
        expansion.contains("async fn paid") && expansion.contains("TillInbox :: Paid"),
        "{expansion}"
    );
}
