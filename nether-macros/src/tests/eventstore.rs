//! Expansions of event sourcing.

use quote::quote;

use super::{check, mentions, mistakes};
use crate::message::{self, MessageKind};
use crate::sourcing;

#[test]
fn event_in_its_third_version() {
    let arguments = quote!(
        name = "till.paid",
        version = 3,
        upcast = [in_cents, old::with_currency]
    );
    let item = quote! {
        #[serde(rename_all = "camelCase")]
        pub struct Paid {
            pub cents: u64,
            pub paid_in: Option<Currency>,
            #[serde(default)]
            pub notes: Vec<String>,
            #[serde(skip)]
            pub cached: u64,
        }
    };
    let expansion = message::attribute(MessageKind::Event, arguments, item);
    check("event_in_its_third_version", expansion);
}

#[test]
fn command_of_an_aggregate() {
    let arguments = quote!(reply = Balance, key = account_id);
    let item = quote! {
        pub struct Deposit {
            pub account_id: String,
        }
    };
    let expansion = message::attribute(MessageKind::Command, arguments, item);
    check("command_of_an_aggregate", expansion);
}

#[test]
fn query_of_an_aggregate() {
    let arguments = quote!(reply = u64, key = account_id);
    let item = quote! {
        pub struct BalanceOf {
            pub account_id: String,
        }
    };
    let expansion = message::attribute(MessageKind::Query, arguments, item);
    check("query_of_an_aggregate", expansion);
}

#[test]
fn aggregate() {
    let arguments = quote!(
        handles = [Open, bank::Deposit],
        events = [Opened, Deposited],
        snapshot_every = 100,
        idle = "30s"
    );
    let item = quote! {
        impl CheckingAccount {
            /// Opens it.
            fn open(&self, open: Open) -> Opened {
                Opened { owner: open.owner }
            }

            async fn deposit(&self, deposit: bank::Deposit, facts: &Facts, limit: Resource<Limit>) -> Result<Deposited, TooMuch> {
                limit.check(deposit.cents).await
            }

            fn opened(&mut self, _: &Opened) {}

            fn deposited(&mut self, event: &Deposited) {
                self.cents += event.cents;
            }

            #[must_use]
            pub fn cents(&self) -> u64 {
                self.cents
            }
        }
    };
    check("aggregate", sourcing::aggregate(arguments, item));
}

#[test]
fn projection() {
    let arguments = quote!(handles = [Deposited, BalanceOf], durable, retry = 5);
    let item = quote! {
        impl Balances {
            #[init]
            async fn new(tables: Tables, pool: Resource<Pool>) -> nether::Result<Self> {
                Ok(Balances { tables, pool })
            }

            async fn deposited(&mut self, event: &Deposited, at: Position) -> nether::Result<()> {
                self.pool.add(event, at).await
            }

            async fn balance(&self, query: BalanceOf) -> nether::Result<u64> {
                self.pool.balance(query).await
            }

            #[on_rebuild]
            async fn clear(&mut self) -> nether::Result<()> {
                self.pool.clear().await
            }
        }
    };
    check("projection", sourcing::projection(arguments, item));
}

#[test]
fn projection_in_transactions() {
    let arguments =
        quote!(handles = [Deposited, Closed], transaction = pg::PgTransaction<'_, Pool>);
    let item = quote! {
        impl Balances {
            async fn deposited(&mut self, event: &Deposited, tx: &mut pg::PgTransaction<'_, Pool>) -> nether::Result<()> {
                tx.add(event).await
            }

            fn closed(&mut self, _: &Closed, at: Position) {}

            #[on_rebuild]
            async fn clear(&mut self, tx: &mut pg::PgTransaction<'_, Pool>) -> nether::Result<()> {
                tx.clear().await
            }
        }
    };
    check(
        "projection_in_transactions",
        sourcing::projection(arguments, item),
    );
}

#[test]
fn saga() {
    let arguments = quote!(
        key = order_id,
        handles = [Placed, Paid],
        starts = Placed,
        ends = Paid,
        sends = [Reserve, Release]
    );
    let item = quote! {
        impl Fulfilment {
            async fn placed(&mut self, event: &Placed, step: &mut Step<Self>) -> nether::Result<()> {
                step.send(Reserve(event.order_id)).compensate_with(Release(event.order_id));
                Ok(())
            }

            fn paid(&mut self, _: &Paid) {}

            #[timeout(after = "30m", since = Placed)]
            fn unpaid(&mut self, step: &mut Step<Self>) {
                step.fail("not paid in time");
            }
        }
    };
    check("saga", sourcing::saga(arguments, item));
}

#[test]
fn saga_that_a_command_starts() {
    let arguments = quote!(key = order_id, starts = [Place], sends = [Reserve]);
    let item = quote! {
        impl Fulfilment {
            fn place(&mut self, place: &Place, step: &mut Step<Self>) {
                step.send(Reserve(place.order_id));
                step.end();
            }

            fn answer(&self, failed: &StepFailed) -> PlaceError {
                PlaceError(failed.to_string())
            }
        }
    };
    check(
        "saga_that_a_command_starts",
        sourcing::saga(arguments, item),
    );
}

#[test]
fn a_renamed_crate_is_named_everywhere() {
    for expansion in [
        message::attribute(
            MessageKind::Event,
            quote!(crate = n, version = 2, upcast = from_v1),
            quote!(
                struct Paid;
            ),
        ),
        message::attribute(
            MessageKind::Query,
            quote!(crate = n, key = till),
            quote!(
                struct Sum {
                    till: u64,
                }
            ),
        ),
        sourcing::aggregate(
            quote!(handles = Pay, events = Paid, snapshot_every = 9, crate = n),
            quote!(impl Till {
                async fn pay(&self, _: Pay, limit: Resource<u64>) -> Paid {}
                fn paid(&mut self, _: &Paid) {}
            }),
        ),
        sourcing::decision(
            quote!(
                handles = Move,
                of = [Till(from), Till(to)],
                retry = 1,
                crate = n
            ),
            quote!(impl Moves {
                async fn make(_: Move, from: &Till, to: &Till, limit: Resource<u64>) {}
            }),
        ),
        sourcing::projection(
            quote!(handles = [Paid, Sum], crate = n),
            quote!(impl Sums {
                fn paid(&mut self, _: &Paid, at: Position) {}
                fn sum(&self, _: Sum) {}
            }),
        ),
        sourcing::projection(
            quote!(handles = Paid, transaction = Tx, crate = n),
            quote!(impl Sums {
                fn paid(&mut self, _: &Paid, tx: &Tx<'_>) {}
                #[on_rebuild]
                async fn clear(&mut self, tx: &Tx<'_>) {}
            }),
        ),
        sourcing::saga(
            quote!(
                key = till,
                handles = Paid,
                starts = Paid,
                sends = Pay,
                crate = n
            ),
            quote!(impl Payment {
                fn paid(&mut self, _: &Paid, step: &mut Step<Self>) {}
                #[timeout("5m")]
                fn late(&mut self) {}
            }),
        ),
    ] {
        assert!(!mentions(expansion.clone(), "nether"), "{expansion}");
        assert!(mentions(expansion.clone(), "n"), "{expansion}");
    }
}

#[test]
fn decision() {
    let arguments = quote!(
        handles = [Move, Undo],
        of = [Account(from), bank::Account(to)],
        timeout = "2s",
        retry = 3
    );
    let item = quote! {
        impl Moves {
            fn make(make: Move, from: &Account, to: &Account) -> Result<(Taken, Given), NotEnough> {
                Ok((Taken, Given))
            }

            async fn undo(
                _: Undo,
                from: &Account,
                to: &Account,
                facts: &Facts,
                #[resource("audit")] audit: Resource<Audit>,
            ) {
            }
        }
    };
    check("decision", sourcing::decision(arguments, item));
}

#[test]
fn what_has_mistakes_is_named_by_the_renamed_crate_too() {
    for expansion in [
        sourcing::aggregate(
            quote!(handles = Pay, events = Paid, crate = n),
            quote!(impl Till {
                fn pay(&mut self, _: Pay, ctx: &Context<Self>) -> Paid {}
            }),
        ),
        sourcing::decision(
            quote!(handles = Move, of = [Till(from), Till(to)], crate = n),
            quote!(impl Moves {
                fn make(_: Move, from: &Till, to: &Till, ctx: &Context<Self>) {}
            }),
        ),
        sourcing::projection(
            quote!(handles = [Paid, Sum], crate = n),
            quote!(impl Sums {
                fn sum(&mut self, _: Sum, ctx: &QueryContext<Self>) {}
            }),
        ),
        sourcing::saga(
            quote!(handles = Paid, sends = Pay, crate = n),
            quote!(impl Payment {
                fn paid(&mut self, _: Paid, ctx: &Context<Self>) {}
            }),
        ),
    ] {
        assert!(!mistakes(expansion.clone()).is_empty(), "{expansion}");
        let mut items = syn::parse2::<syn::File>(expansion).expect("items").items;
        items.retain(|item| !matches!(item, syn::Item::Macro(_)));
        let generated = quote!(#(#items)*);
        assert!(!mentions(generated.clone(), "nether"), "{generated}");
        assert!(mentions(generated, "n"));
    }
}

#[test]
fn a_half_written_signature_leaves_the_rest_of_the_block() {
    let item = quote! {
        impl Till {
            fn pay(&self, pay: ) -> Paid {}
            fn paid(&mut self, paid: &Paid) {}
        }
    };
    let expansion = sourcing::aggregate(quote!(handles = Pay, events = Paid), item);
    let text = expansion.to_string();
    assert!(mistakes(expansion).is_empty(), "{text}");
    assert!(text.contains("cannot read this method"), "{text}");
    assert!(
        text.contains("fn paid") && text.contains("HandledBy < Till > for Pay"),
        "{text}"
    );
}
