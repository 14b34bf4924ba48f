//! The rules for projections whose `#[init]` takes `Tables`, because they name their tables by it.

use syn::Type;

use crate::diagnostics::Diagnostics;
use crate::signature::behind_reference;
use crate::sourcing::methods::Method;
use crate::sourcing::projection::model::ProjectionHooks;
use crate::types;

/// Whether the type is `Tables`, however it is taken.
pub(super) fn is_tables(ty: &Type) -> bool {
    let segment = types::last_segment(behind_reference(ty));
    segment.is_some_and(|segment| segment.ident == "Tables" && segment.arguments.is_empty())
}

/// `#[init]` takes it by value, because the projection keeps it.
pub(super) fn check_init(taken: &[&Type], diagnostics: &Diagnostics) {
    for ty in taken.iter().filter(|ty| is_tables(ty)) {
        if let Type::Reference(_) = types::ungrouped(ty) {
            let message = "`#[init]` takes `Tables` by value";
            diagnostics.error(ty, message, "write `tables: Tables`, and keep it");
        }
    }
}

/// Nothing else takes it, because a value of the projection belongs to its tables. Tables that are filled
/// beside others are removed by `#[on_rebuild]`.
pub(super) fn check(
    events: &[Method],
    queries: &[Method],
    hooks: &ProjectionHooks,
    diagnostics: &Diagnostics,
) {
    let methods = events.iter().chain(queries);
    let methods = methods.map(|method| (&method.name, &method.rest));
    let hook = hooks.on_rebuild.iter();
    let hook = hook.map(|hook| (&hook.method, &hook.arguments));
    for (name, taken) in methods.chain(hook) {
        for ty in taken.iter().filter(|ty| is_tables(ty)) {
            let message = format!("`{name}` cannot ask for `Tables`: `#[init]` takes it");
            let help = "keep it in the projection: `#[init] fn new(tables: Tables) -> Self`; then use `self.tables.name(\"..\")`";
            diagnostics.error(ty, message, help);
        }
    }
    let init = hooks.init.as_ref();
    let init = init.filter(|init| init.is_tables.contains(&true));
    if let (Some(init), None) = (init, &hooks.on_rebuild) {
        let message = "nothing says how the tables of before a rebuild are removed";
        let help = "mark a method that drops the tables which `Tables` has named, if they are there: `#[on_rebuild]`";
        diagnostics.error(&init.method, message, help);
    }
}
