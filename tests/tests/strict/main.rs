//! A program that forbids whatever generated code could be warned for: an `allow` in an expansion would be an
//! error (E0453), and so would what it is for. What serde and tokio allow in their own expansions is left
//! out.

#![forbid(
    unsafe_code,
    absolute_paths_not_starting_with_crate,
    async_fn_in_trait,
    dead_code,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    keyword_idents_2018,
    keyword_idents_2024,
    let_underscore_drop,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    non_local_definitions,
    non_snake_case,
    path_statements,
    private_bounds,
    private_interfaces,
    redundant_imports,
    redundant_lifetimes,
    refining_impl_trait,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_code,
    unreachable_patterns,
    unreachable_pub,
    unused_allocation,
    unused_assignments,
    unused_braces,
    unused_doc_comments,
    unused_import_braces,
    unused_imports,
    unused_lifetimes,
    unused_macro_rules,
    unused_macros,
    unused_must_use,
    unused_parens,
    unused_results,
    unused_unsafe,
    unused_variables,
    variant_size_differences
)]
#![deny(deprecated)]

pub mod among_lints;
pub mod deprecated;
pub mod in_a_company;
pub mod served;
pub mod under_conditions;
pub mod without_prelude;
