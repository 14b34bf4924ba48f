//! Everything that only the whole program shows to be wrong, found in one go.

use std::collections::HashMap;

use crate::declaration::Declaration;
use crate::error::StartProblem;
use crate::message::{MessageDescriptor, MessageKind};
use crate::middleware::MiddlewareDescriptor;
use crate::module::{ModuleDescriptor, ModuleKind};
use crate::registry::cycle::{circle_through, find_cycle};
use crate::resources::{ResourceDescriptor, Resources};

/// A program that is to be started.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) messages: &'a [&'static MessageDescriptor],
    /// All declared modules, the manual ones too.
    pub(crate) modules: &'a [&'static ModuleDescriptor],
    /// `None` when nothing is provided yet, so that nothing is missing.
    pub(crate) resources: Option<&'a Resources>,
    /// What `#[nether::main(modules = [..])]` lists.
    pub(crate) world: Option<&'a [&'static ModuleDescriptor]>,
}

/// All problems of the program.
pub(crate) fn check(program: &Program<'_>) -> Vec<StartProblem> {
    let handlers = handlers(program.modules);
    let mut problems = Vec::new();
    check_registry(program, &mut problems);
    check_ids(program, &mut problems);
    check_single_handlers(program, &mut problems);
    check_lists(program, &handlers, &mut problems);
    check_endpoints(program, &mut problems);
    check_resources(program, &mut problems);
    check_middleware(program, &mut problems);
    check_after(program, &mut problems);
    check_call_cycles(program, &handlers, &mut problems);
    check_world(program, &mut problems);
    problems
}

/// A message type. Its slot would not do: all that are missing from the registry have the same.
type MessageRef = *const MessageDescriptor;

/// The modules that handle each message.
fn handlers(
    modules: &[&'static ModuleDescriptor],
) -> HashMap<MessageRef, Vec<&'static ModuleDescriptor>> {
    let mut handlers: HashMap<_, Vec<_>> = HashMap::new();
    for module in modules {
        for message in module.handles {
            handlers
                .entry(std::ptr::from_ref((message.descriptor)()))
                .or_default()
                .push(*module);
        }
    }
    handlers
}

/// Checks that link-time registration worked: all that is declared is also registered.
fn check_registry(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let messages = program.messages.iter();
    let own = messages.filter(|message| message.is_of_framework()).count();
    let messages = program.messages.len() - own;
    if own == 0 {
        problems.push(StartProblem::EmptyRegistry);
    }
    let is_foreign = |module: &&&ModuleDescriptor| !module.is_of_framework();
    if program.modules.iter().filter(is_foreign).count() == 0 && messages > 0 {
        problems.push(StartProblem::NoModules { messages });
    }
    for module in program.modules {
        for message in module.handles.iter().map(|message| (message.descriptor)()) {
            if message.slot() >= program.messages.len() {
                problems.push(StartProblem::NotRegistered {
                    message: message.declaration,
                    module: module.declaration,
                });
            }
        }
    }
}

/// Every message has an ID of its own.
fn check_ids(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let mut seen: HashMap<_, &MessageDescriptor> = HashMap::with_capacity(program.messages.len());
    for message in program.messages {
        if let Some(first) = seen.insert(message.id, message) {
            problems.push(StartProblem::SameId {
                messages: [first.declaration, message.declaration],
            });
        }
    }
}

/// A command or query has one handler among the modules that start by themselves. Manual ones are checked
/// when attached.
fn check_single_handlers(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let mut seen: HashMap<MessageRef, &ModuleDescriptor> = HashMap::new();
    for module in program
        .modules
        .iter()
        .filter(|module| module.launch.is_some())
    {
        for message in module.handles.iter().map(|message| (message.descriptor)()) {
            if message.kind == MessageKind::Event {
                continue;
            }
            if let Some(first) = seen.insert(message, module) {
                let modules = [first.declaration, module.declaration];
                problems.push(StartProblem::TwoHandlers {
                    message: message.declaration,
                    modules,
                });
            }
        }
    }
}

/// What a module lists in `calls` or `emits` has a handler, unless it is an event.
fn check_lists(
    program: &Program<'_>,
    handlers: &HashMap<MessageRef, Vec<&'static ModuleDescriptor>>,
    problems: &mut Vec<StartProblem>,
) {
    for module in program.modules {
        for (list, messages) in [("calls", module.calls), ("emits", module.emits)] {
            for message in messages.iter().map(|message| (message.descriptor)()) {
                if message.kind != MessageKind::Event
                    && !handlers.contains_key(&std::ptr::from_ref(message))
                {
                    let (message, module) = (message.declaration, module.declaration);
                    problems.push(StartProblem::NoHandler {
                        message,
                        module,
                        list,
                    });
                }
            }
        }
    }
}

/// Endpoints have a place of their own. Their modules may be in another process.
fn check_endpoints(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let mut seen: HashMap<String, &MessageDescriptor> = HashMap::new();
    for message in program.messages {
        let Some(endpoint) = message.endpoint else {
            continue;
        };
        if let Some(first) = seen.insert(endpoint.place(), message) {
            problems.push(StartProblem::SameEndpoint {
                messages: [first.declaration, message.declaration],
                endpoint: format!("{} {}", endpoint.verb, endpoint.path),
            });
        }
    }
}

/// What modules need is provided. A resource that is missing is one problem, however many modules need it.
fn check_resources(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let Some(resources) = program.resources else {
        return;
    };
    let mut missing: Vec<(&ResourceDescriptor, Vec<Declaration>)> = Vec::new();
    for module in program
        .modules
        .iter()
        .filter(|module| module.launch.is_some())
    {
        let wanted = module.resources.iter();
        for resource in wanted.filter(|resource| !resources.has(resource)) {
            let same = missing
                .iter_mut()
                .find(|(known, _)| known.is_same(resource));
            match same {
                Some((_, modules)) if modules.last() == Some(&module.declaration) => {}
                Some((_, modules)) => modules.push(module.declaration),
                None => missing.push((resource, vec![module.declaration])),
            }
        }
    }
    problems.extend(
        missing
            .into_iter()
            .map(|(resource, modules)| StartProblem::MissingResource {
                resource: resource.type_name(),
                name: resource.own_name(),
                modules,
                given_by: resource.given_by(),
                provided: resources.names(),
            }),
    );
}

/// What stands around handlers is provided. Middleware that is missing is one problem, however many modules
/// name it.
fn check_middleware(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let Some(resources) = program.resources else {
        return;
    };
    let mut missing: Vec<(&MiddlewareDescriptor, Vec<Declaration>)> = Vec::new();
    let modules = program.modules.iter();
    for module in modules.filter(|module| module.launch.is_some()) {
        let named = module.middleware().into_iter();
        for middleware in named.filter(|it| !resources.has(&it.resource)) {
            let mut known = missing.iter_mut();
            let known = known.find(|(known, _)| known.resource.is_same(&middleware.resource));
            match known {
                Some((_, modules)) => modules.push(module.declaration),
                None => missing.push((middleware, vec![module.declaration])),
            }
        }
    }
    let missing = missing.into_iter();
    problems.extend(missing.map(|(middleware, modules)| {
        let middleware = middleware.declaration;
        StartProblem::MissingMiddleware {
            middleware,
            modules,
        }
    }));
}

/// Modules start after modules that start, and not in a circle.
fn check_after(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let starts = |wanted: &ModuleDescriptor| {
        program
            .modules
            .iter()
            .any(|module| std::ptr::eq(*module, wanted) && module.launch.is_some())
    };
    for module in program.modules {
        for after in module.after.iter().map(|after| after()) {
            if !starts(after) {
                problems.push(StartProblem::AfterMissing {
                    module: module.declaration,
                    after: after.declaration,
                });
            }
        }
    }
    let after = |module: &ModuleDescriptor| module.after.iter().map(|after| after()).collect();
    if let Some(cycle) = find_cycle(program.modules, after) {
        problems.push(StartProblem::AfterCycle { modules: cycle });
    }
}

/// An exclusive module that calls itself, directly or through others, would wait for itself for ever. A
/// shared module waits on behalf of its caller, so that circles go through it.
fn check_call_cycles(
    program: &Program<'_>,
    handlers: &HashMap<MessageRef, Vec<&'static ModuleDescriptor>>,
    problems: &mut Vec<StartProblem>,
) {
    let callees = |module: &ModuleDescriptor| -> Vec<&'static ModuleDescriptor> {
        let called = module
            .calls
            .iter()
            .filter_map(|message| handlers.get(&std::ptr::from_ref((message.descriptor)())))
            .flatten();
        called.copied().collect()
    };
    let exclusive = program
        .modules
        .iter()
        .filter(|module| module.kind == ModuleKind::Exclusive);
    let mut named: Vec<&'static str> = Vec::new();
    for module in exclusive {
        if named.contains(&module.declaration.name) {
            continue;
        }
        if let Some(modules) = circle_through(module, &callees) {
            named.extend(modules.iter().map(|module| module.name));
            problems.push(StartProblem::CallCycle { modules });
        }
    }
}

/// In a closed world, what starts by itself is also listed.
fn check_world(program: &Program<'_>, problems: &mut Vec<StartProblem>) {
    let Some(world) = program.world else {
        return;
    };
    let starting = |module: &&&'static ModuleDescriptor| module.launch.is_some();
    for module in program.modules.iter().filter(starting) {
        if !world.iter().any(|listed| std::ptr::eq(*listed, *module)) {
            problems.push(StartProblem::NotListed {
                module: module.declaration,
            });
        }
    }
}
