//! [`Package`]: the modules of one crate, and where a path leads that one of them names.

use std::collections::BTreeMap;
use std::path::Path;

use crate::items::{self, Import, Named};
use crate::lexer::lex;
use crate::tree::File;

/// The crates whose modules are looked at: the folder of `lib.rs`, and the name.
pub(crate) const PACKAGES: [(&str, &str); 7] = [
    ("nether/src", "nether"),
    ("nether/adapters/postgres/src", "nether_postgres"),
    ("nether/adapters/sqlite/src", "nether_sqlite"),
    ("nether-macros/src", "nether_macros"),
    ("benches/suite/src", "suite"),
    ("benches/reporting/src", "reporting"),
    ("benches/eventsourcing/src", "eventsourcing"),
];

/// The modules of a crate, from its `lib.rs` on.
pub(crate) struct Package {
    /// By which name it is known to itself.
    name: String,
    pub(crate) modules: Vec<Node>,
}

/// A module, in a file of its own or inline in that of its parent.
pub(crate) struct Node {
    /// The names from the root on, which has none.
    pub(crate) path: Vec<String>,
    /// The file that it stands in, relative to the root of the tree.
    pub(crate) file: String,
    /// Where it is declared.
    pub(crate) line: usize,
    pub(crate) imports: Vec<Import>,
    pub(crate) paths: Vec<Named>,
    items: Vec<String>,
    children: BTreeMap<String, usize>,
    parent: usize,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// To a module as a whole.
    Module(usize),
    /// To what the module defines.
    Item(usize),
}

impl Target {
    pub(crate) fn module(self) -> usize {
        match self {
            Target::Module(module) | Target::Item(module) => module,
        }
    }
}

/// How many re-exports one name may go through.
const HOPS: usize = 16;

impl Package {
    /// The crate whose `lib.rs` is in the folder.
    pub(crate) fn load(root: &Path, folder: &str, name: &str) -> Self {
        let mut package = Package {
            name: name.to_owned(),
            modules: Vec::new(),
        };
        if let Some(file) = File::read(root, &format!("{folder}/lib.rs")) {
            let module = items::parse(&lex(&file.text).tokens);
            package.add(root, Vec::new(), (&file.path, 1), 0, folder, module);
        }
        package
    }

    /// Adds a module and those below it; `folder` is where their files are.
    fn add(
        &mut self,
        root: &Path,
        path: Vec<String>,
        (file, line): (&str, usize),
        parent: usize,
        folder: &str,
        module: items::Module,
    ) -> usize {
        let index = self.modules.len();
        self.modules.push(Node {
            path: path.clone(),
            file: file.to_owned(),
            line,
            imports: module.imports,
            paths: module.paths,
            items: module.items.into_iter().collect(),
            children: BTreeMap::new(),
            parent,
        });
        for child in module.children {
            let path = [path.as_slice(), std::slice::from_ref(&child.name)].concat();
            let below = format!("{folder}/{}", child.name);
            let (place, inner, below) = if let Some(inner) = child.inline {
                (file.to_owned(), inner, below)
            } else {
                let beside = format!("{folder}/{}.rs", child.name);
                let given = child.path.map(|path| format!("{folder}/{path}"));
                let candidates = [given, Some(beside), Some(format!("{below}/mod.rs"))];
                let found = candidates.into_iter().flatten();
                let Some(found) = found.filter_map(|path| File::read(root, &path)).next() else {
                    continue;
                };
                let inner = items::parse(&lex(&found.text).tokens);
                (found.path, inner, below)
            };
            let added = self.add(root, path, (&place, child.line), index, &below, inner);
            self.modules[index].children.insert(child.name, added);
        }
        index
    }

    /// Where a path leads that the module names; `None` if that is another crate, or a local name. A name
    /// that is not found in a module is taken for an item that a macro makes there.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> Option<Target> {
        let whole = self.follow(module, path, true, HOPS);
        whole.or_else(|| {
            let parts = (1..path.len()).rev().map(|length| &path[..length]);
            let mut found = parts.filter_map(|part| self.follow(module, part, true, HOPS));
            found.next().map(|target| Target::Item(target.module()))
        })
    }

    /// The outermost module in the file that a module stands in.
    pub(crate) fn owner(&self, module: usize) -> usize {
        let node = &self.modules[module];
        let is_inline = module != 0 && self.modules[node.parent].file == node.file;
        if is_inline {
            self.owner(node.parent)
        } else {
            module
        }
    }

    fn follow(&self, module: usize, path: &[String], is_head: bool, hops: usize) -> Option<Target> {
        let Some((name, rest)) = path.split_first() else {
            return Some(Target::Module(module));
        };
        let node = &self.modules[module];
        let go = |to: usize| self.follow(to, rest, false, hops);
        match name.as_str() {
            // `::name` is a crate.
            "" => match rest.split_first() {
                Some((first, rest)) if self.is_called(first) => self.follow(0, rest, false, hops),
                _ => None,
            },
            "crate" => go(0),
            "self" => self.follow(module, rest, is_head, hops),
            "super" => self.follow(node.parent, rest, is_head, hops),
            "*" => Some(Target::Module(module)),
            name => {
                if let Some(child) = node.children.get(name) {
                    return go(*child);
                }
                if node.items.iter().any(|item| item == name) {
                    return Some(Target::Item(module));
                }
                if let Some(target) = self.imported(module, name, rest, hops) {
                    return Some(target);
                }
                (is_head && self.is_called(name)).then(|| go(0)).flatten()
            }
        }
    }

    /// Whether a name is that of the crate, or the one that `extern crate self as ..` at its root gives it.
    fn is_called(&self, name: &str) -> bool {
        let is_root = |import: &Import| import.path == ["crate"] && import.alias == name;
        name == self.name || self.modules[0].imports.iter().any(is_root)
    }

    /// Where a name leads that a `use` has brought into the module.
    fn imported(&self, module: usize, name: &str, rest: &[String], hops: usize) -> Option<Target> {
        let hops = hops.checked_sub(1)?;
        let imports = || self.modules[module].imports.iter();
        let named = imports().find(|import| import.alias == name);
        // `use nether::x` in itself would be looked for without end.
        let own = |import: &&Import| import.path.first().is_some_and(|first| first != name);
        if let Some(import) = named.filter(own) {
            let path = [import.path.as_slice(), rest].concat();
            return self.follow(module, &path, true, hops);
        }
        let globs = imports().filter(|import| import.alias == "*");
        let mut found = globs.filter_map(|glob| {
            let inside = &glob.path[..glob.path.len() - 1];
            let path = [inside, &[name.to_owned()], rest].concat();
            self.follow(module, &path, true, hops)
        });
        found.next()
    }

    /// Whether a module is the other, or contains it.
    pub(crate) fn contains(&self, module: usize, other: usize) -> bool {
        let inner = &self.modules[other].path;
        inner.starts_with(&self.modules[module].path)
    }
}
