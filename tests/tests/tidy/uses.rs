//! [`uses`]: which file of a crate uses what another one defines.

use crate::package::{Package, Target};

/// A place in a module that names something of its crate.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    /// The modules, by their places in the package.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) line: usize,
    /// As written.
    pub(crate) path: String,
    /// Whether it is something that a module defines, and not a module.
    pub(crate) is_item: bool,
}

/// All places where the modules of the crate name each other, in imports, in code and in the tokens of
/// macros. A re-export is followed to the definition of the item. Calls of methods are not seen.
pub(crate) fn uses(package: &Package) -> Vec<Use> {
    let mut found = Vec::new();
    for (from, node) in package.modules.iter().enumerate() {
        let imports = node.imports.iter().map(|it| (&it.path, it.line));
        let paths = node.paths.iter().map(|it| (&it.path, it.line));
        for (path, line) in imports.chain(paths) {
            if let Some(target) = package.resolve(from, path) {
                found.push(Use {
                    from,
                    to: target.module(),
                    line,
                    path: path.join("::"),
                    is_item: matches!(target, Target::Item(_)) || path.ends_with(&["*".to_owned()]),
                });
            }
        }
    }
    found
}
