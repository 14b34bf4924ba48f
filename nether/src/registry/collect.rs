//! [`Registry`]: the declarations that the linker brought together.

use std::sync::OnceLock;

use crate::message::{MessageDescriptor, MessageRegistration};
use crate::module::{ModuleDescriptor, ModuleRegistration};

/// Every message and module of the program, sorted by name. All systems of the process share it, and it never
/// changes.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) messages: Vec<&'static MessageDescriptor>,
    pub(crate) modules: Vec<&'static ModuleDescriptor>,
}

impl Registry {
    /// Reads what was declared. The first call gives every message its slot.
    pub(crate) fn of_program() -> &'static Registry {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        REGISTRY.get_or_init(Registry::collect)
    }

    fn collect() -> Registry {
        let mut messages: Vec<_> = inventory::iter::<MessageRegistration>()
            .map(|registered| registered.0)
            .collect();
        let mut modules: Vec<_> = inventory::iter::<ModuleRegistration>()
            .map(|registered| registered.0)
            .collect();
        messages.sort_by_key(|message| message.declaration.name);
        modules.sort_by_key(|module| module.declaration.name);
        for (slot, message) in messages.iter().enumerate() {
            message.assign(slot);
        }
        Registry { messages, modules }
    }
}
