//! What `#[derive(Problem)]` makes of an error, and what it says of each mistake.

use quote::quote;

use crate::problem;
use crate::tests::{check, mistakes};

#[test]
fn problem_of_an_enum() {
    let item = quote! {
        #[problem(status = 422)]
        pub enum OrderError<E: Display> where E: Send {
            NothingToPay,
            #[problem(status = 409, title = "Paid already", type = "https://example.com/paid")]
            Paid { at: u64 },
            #[problem(title = "Of another customer")]
            Other(E),
        }
    };
    check("problem", problem::derive(item));
}

#[test]
fn problems_of_other_shapes() {
    let expansion = problem::derive(quote!(
        #[problem(status = 409)]
        struct Paid;
    ));
    assert_eq!(mistakes(expansion.clone()), [""; 0]);
    assert!(expansion.to_string().contains("& KINDS [0]"));
    let expansion = problem::derive(quote!(
        enum Never {}
    ));
    assert_eq!(mistakes(expansion.clone()), [""; 0]);
    assert!(expansion.to_string().contains("match * self { }"));
}

#[test]
fn a_problem_says_what_it_is() {
    for (item, expected) in [
        (
            quote!(
                enum E {
                    #[problem(status = 409)]
                    A,
                    B,
                }
            ),
            "the variant `B` does not say its status",
        ),
        (
            quote!(
                enum E {
                    #[problem(title = "A")]
                    A,
                }
            ),
            "the variant `A` does not say its status",
        ),
        (
            quote!(
                struct E;
            ),
            "`E` does not say its status",
        ),
        (
            quote!(
                #[problem(title = "A")]
                enum E {
                    A,
                    B,
                }
            ),
            "above `E`, `#[problem(..)]` is for variants that say nothing, but it has no status",
        ),
        (
            quote!(
                #[problem(status = 200)]
                enum E {
                    A,
                    B,
                }
            ),
            "`status = 200` is not a status of an error, from 400 to 599",
        ),
        (
            quote!(
                #[problem(status = "409")]
                struct E;
            ),
            "`status` in `#[problem(..)]` is not written like this",
        ),
        (
            quote!(
                #[problem(status = 409, titel = "A")]
                struct E;
            ),
            "`#[problem(..)]` has no key `titel`",
        ),
        (
            quote!(
                #[problem(status = 409, titl = "A")]
                struct E;
            ),
            "`#[problem(..)]` has no key `titl`: did you mean `title`?",
        ),
        (
            quote!(
                #[problem(status = 409, title = " ")]
                struct E;
            ),
            "the `title` of a problem cannot be empty",
        ),
        (
            quote!(
                #[problem(status = 409, type = "a b")]
                struct E;
            ),
            "the `type` of a problem is a URI, but \"a b\" is none",
        ),
        (
            quote!(
                #[problem(status = 409)]
                #[problem(title = "A")]
                struct E;
            ),
            "`#[problem(..)]` is given twice",
        ),
        (
            quote!(
                #[problem(status = 409)]
                struct E {
                    #[problem(status = 410)]
                    a: u8,
                }
            ),
            "`#[problem(..)]` stands above a variant or the whole type, not a field",
        ),
        (
            quote!(union E { a: u8 }),
            "`#[derive(Problem)]` is for an `enum` or a `struct`, not a `union`",
        ),
    ] {
        assert_eq!(mistakes(problem::derive(item)), [expected]);
    }
}
