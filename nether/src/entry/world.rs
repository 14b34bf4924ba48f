//! The closed world of `#[nether::main(modules = [..])]`: the start-up check, while compiling.

use crate::message::{MessageKind, MessageProof};
use crate::module::ModuleDescriptor;

/// Fails the build if a message that a module calls has no handler in the list, or a command or query has two.
pub const fn closed_world(modules: &[&ModuleDescriptor]) {
    let mut index = 0;
    while index < modules.len() {
        check_calls(modules, modules[index].calls);
        check_single(modules, index);
        index += 1;
    }
}

const fn check_calls(modules: &[&ModuleDescriptor], calls: &[MessageProof]) {
    let mut index = 0;
    while index < calls.len() {
        let called = &calls[index];
        let is_event = matches!(called.kind, MessageKind::Event);
        if !is_event && count(modules, called) == 0 {
            panic!("{}", called.unhandled);
        }
        index += 1;
    }
}

const fn check_single(modules: &[&ModuleDescriptor], index: usize) {
    let handles = modules[index].handles;
    let mut at = 0;
    while at < handles.len() {
        let handled = &handles[at];
        let is_event = matches!(handled.kind, MessageKind::Event);
        if !is_event && count(modules, handled) > 1 {
            panic!("{}", handled.duplicate);
        }
        at += 1;
    }
}

/// How many modules handle the message.
const fn count(modules: &[&ModuleDescriptor], message: &MessageProof) -> usize {
    let mut count = 0;
    let mut index = 0;
    while index < modules.len() {
        let handles = modules[index].handles;
        let mut at = 0;
        while at < handles.len() {
            if handles[at].id.as_u64() == message.id.as_u64() {
                count += 1;
            }
            at += 1;
        }
        index += 1;
    }
    count
}
