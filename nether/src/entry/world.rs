//! The closed world of `#[nether::main(modules = [..])]`: the start-up check, while compiling.

use crate::message::{MessageKind, MessageProof};
use crate::module::{ModuleDescriptor, ModuleKind};

/// The most modules that are searched for circles while compiling. More are when the system starts.
const MOST: usize = 1024;

/// Fails the build if a message that a module calls has no handler in the list, if a command or query has
/// two, or if an exclusive module calls itself, directly or through others.
pub const fn closed_world(modules: &[&ModuleDescriptor]) {
    let mut index = 0;
    while index < modules.len() {
        check_calls(modules, modules[index].calls);
        check_single(modules, index);
        index += 1;
    }
    index = 0;
    while index < modules.len() && modules.len() <= MOST {
        if matches!(modules[index].kind, ModuleKind::Exclusive) {
            check_circles(modules, index, index, &mut [false; MOST]);
        }
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

/// An exclusive module that calls itself, directly or through others, would wait for itself for ever. A
/// shared module waits on behalf of its caller.
const fn check_circles(
    modules: &[&ModuleDescriptor],
    start: usize,
    at: usize,
    seen: &mut [bool; MOST],
) {
    seen[at] = true;
    let calls = modules[at].calls;
    let mut index = 0;
    while index < calls.len() {
        if let Some(callee) = handler(modules, &calls[index]) {
            if callee == start {
                panic!("{}", calls[index].circular);
            }
            if !seen[callee] {
                check_circles(modules, start, callee, seen);
            }
        }
        index += 1;
    }
}

/// Which module handles the command or query.
const fn handler(modules: &[&ModuleDescriptor], message: &MessageProof) -> Option<usize> {
    let mut index = 0;
    while index < modules.len() {
        let is_event = matches!(message.kind, MessageKind::Event);
        if !is_event && count_in(modules[index].handles, message) > 0 {
            return Some(index);
        }
        index += 1;
    }
    None
}

/// How many modules handle the message.
const fn count(modules: &[&ModuleDescriptor], message: &MessageProof) -> usize {
    let mut count = 0;
    let mut index = 0;
    while index < modules.len() {
        count += count_in(modules[index].handles, message);
        index += 1;
    }
    count
}

const fn count_in(handles: &[MessageProof], message: &MessageProof) -> usize {
    let mut count = 0;
    let mut index = 0;
    while index < handles.len() {
        if handles[index].id.as_u64() == message.id.as_u64() {
            count += 1;
        }
        index += 1;
    }
    count
}
