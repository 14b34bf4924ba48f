//! Orders modules so that each comes after what it depends on, and finds the circle when there is none.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::declaration::Declaration;
use crate::module::ModuleDescriptor;

type ModuleRef = &'static ModuleDescriptor;

/// The modules, each after those it names in `after`. Otherwise in the order given.
pub(crate) fn start_order(modules: &[ModuleRef]) -> Vec<ModuleRef> {
    let mut search =
        Search::new(|module: &ModuleDescriptor| module.after.iter().map(|after| after()).collect());
    modules.iter().for_each(|module| drop(search.visit(module)));
    search
        .done
        .retain(|module| modules.iter().any(|wanted| std::ptr::eq(*wanted, *module)));
    search.done
}

/// A circle of modules, if there is one: each depends on the next, and the last on the first.
pub(super) fn find_cycle(
    modules: &[ModuleRef],
    edges: impl Fn(&ModuleDescriptor) -> Vec<ModuleRef>,
) -> Option<Vec<Declaration>> {
    let mut search = Search::new(edges);
    let cycle = modules
        .iter()
        .find_map(|module| search.visit(module).err())?;
    Some(cycle.iter().map(|module| module.declaration).collect())
}

/// The shortest circle through this module, if there is one: each module depends on the next, and the last on
/// this one.
pub(super) fn circle_through(
    module: ModuleRef,
    edges: &impl Fn(&ModuleDescriptor) -> Vec<ModuleRef>,
) -> Option<Vec<Declaration>> {
    let mut seen = HashSet::new();
    let mut paths = VecDeque::from([vec![module]]);
    while let Some(path) = paths.pop_front() {
        for next in path.last().map_or_else(Vec::new, |last| edges(last)) {
            if std::ptr::eq(next, module) {
                return Some(path.iter().map(|module| module.declaration).collect());
            }
            if seen.insert(std::ptr::from_ref(next)) {
                let mut longer = path.clone();
                longer.push(next);
                paths.push_back(longer);
            }
        }
    }
    None
}

/// A depth-first search.
struct Search<F> {
    edges: F,
    /// Whether a module that was seen is done; if not, it is on the path.
    seen: HashMap<*const ModuleDescriptor, bool>,
    path: Vec<ModuleRef>,
    done: Vec<ModuleRef>,
}

impl<F: Fn(&ModuleDescriptor) -> Vec<ModuleRef>> Search<F> {
    fn new(edges: F) -> Self {
        Search {
            edges,
            seen: HashMap::new(),
            path: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Visits a module and all it depends on. Gives back the circle it closes, if it does.
    fn visit(&mut self, module: ModuleRef) -> Result<(), Vec<ModuleRef>> {
        match self.seen.get(&std::ptr::from_ref(module)) {
            Some(true) => return Ok(()),
            Some(false) => {
                let start = self
                    .path
                    .iter()
                    .position(|on_path| std::ptr::eq(*on_path, module))
                    .unwrap_or(0);
                return Err(self.path.split_off(start));
            }
            None => {}
        }
        self.seen.insert(module, false);
        self.path.push(module);
        for next in (self.edges)(module) {
            self.visit(next)?;
        }
        self.path.pop();
        self.seen.insert(module, true);
        self.done.push(module);
        Ok(())
    }
}
