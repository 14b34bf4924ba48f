//! [`Topology`]: who handles and sends what, as data and as a drawing.

use std::fmt::Write;
use std::ptr;

use serde::Serialize;

use crate::message::{MessageDescriptor, MessageKind, MessageProof};
use crate::module::{ModuleDescriptor, ModuleKind};

/// Which module handles, calls and emits which message: for documentation, tests and tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// Every declared message, by name.
    pub messages: Vec<MessageNode>,
    /// Every declared module, by name.
    pub modules: Vec<ModuleNode>,
    /// What they have to do with each other.
    pub edges: Vec<Edge>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageNode {
    /// Its name.
    pub name: &'static str,
    /// Its ID, in hexadecimal.
    pub id: String,
    /// Command, query or event.
    pub kind: MessageKind,
    /// The field that is its key, if any.
    pub key: Option<&'static str>,
    /// What it says in `requires`. `None` if that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requirement>,
    /// The file that declares it.
    pub file: &'static str,
    /// The line there.
    pub line: u32,
}

/// What a message requires of who sends it from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The roles, all of which the principal must have.
    pub roles: Vec<&'static str>,
    /// Whether functions of the program decide besides.
    pub functions: bool,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleNode {
    /// Its name.
    pub name: &'static str,
    /// One at a time, or concurrently.
    pub kind: ModuleKind,
    /// How many of it run.
    pub instances: usize,
    /// Whether it is attached by hand.
    pub manual: bool,
    /// The file that declares it.
    pub file: &'static str,
    /// The line there.
    pub line: u32,
}

/// What a module has to do with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The module's name.
    pub module: &'static str,
    /// What it does with the message.
    pub relation: Relation,
    /// The message's name.
    pub message: &'static str,
    /// What stands around the handler, outermost first: the names of middleware.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<&'static str>,
}

/// What a module does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// It handles it.
    Handles,
    /// It lists it in `emits`.
    Emits,
    /// It lists it in `calls`.
    Calls,
}

impl Topology {
    pub(crate) fn of(
        messages: &[&'static MessageDescriptor],
        modules: &[&'static ModuleDescriptor],
    ) -> Self {
        Topology {
            messages: messages
                .iter()
                .map(|message| message_node(message))
                .collect(),
            modules: modules.iter().map(|module| module_node(module)).collect(),
            edges: modules.iter().flat_map(|module| edges(module)).collect(),
        }
    }

    /// The graph in the language of [Mermaid](https://mermaid.js.org): messages point to the modules that
    /// handle them, modules to the messages they list.
    pub fn to_mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for module in &self.modules {
            let _ = writeln!(text, "    {}[[\"{}\"]]", self.id(module.name), module.name);
        }
        for message in &self.messages {
            let (open, close) = match message.kind {
                MessageKind::Command => ("[", "]"),
                MessageKind::Query => ("{{", "}}"),
                MessageKind::Event => ("([", "])"),
            };
            let _ = writeln!(
                text,
                "    {}{open}\"{}\"{close}",
                self.id(message.name),
                message.name
            );
        }
        for edge in &self.edges {
            let (from, to) = edge.ends();
            let arrow = if edge.relation == Relation::Calls {
                "==>"
            } else {
                "-->"
            };
            let _ = writeln!(text, "    {} {arrow} {}", self.id(from), self.id(to));
        }
        text
    }

    /// The graph in the language of Graphviz, with the content of [`to_mermaid`](Topology::to_mermaid).
    pub fn to_dot(&self) -> String {
        let mut text = "digraph topology {\n    rankdir=LR;\n".to_owned();
        for module in &self.modules {
            let _ = writeln!(text, "    {:?} [shape=component];", module.name);
        }
        for message in &self.messages {
            let shape = match message.kind {
                MessageKind::Command => "box",
                MessageKind::Query => "hexagon",
                MessageKind::Event => "ellipse",
            };
            let _ = writeln!(text, "    {:?} [shape={shape}];", message.name);
        }
        for edge in &self.edges {
            let (from, to) = edge.ends();
            let style = if edge.relation == Relation::Calls {
                " [style=bold]"
            } else {
                ""
            };
            let _ = writeln!(text, "    {from:?} -> {to:?}{style};");
        }
        text + "}\n"
    }

    /// A short name that is an identifier in Mermaid.
    fn id(&self, name: &str) -> String {
        let module = self
            .modules
            .iter()
            .position(|module| module.name == name)
            .map(|index| format!("module{index}"));
        let message = || {
            self.messages
                .iter()
                .position(|message| message.name == name)
        };
        module.unwrap_or_else(|| format!("message{}", message().unwrap_or_default()))
    }
}

impl Edge {
    /// From and to, as messages flow.
    fn ends(&self) -> (&'static str, &'static str) {
        match self.relation {
            Relation::Handles => (self.message, self.module),
            Relation::Emits | Relation::Calls => (self.module, self.message),
        }
    }
}

fn message_node(message: &MessageDescriptor) -> MessageNode {
    let declaration = message.declaration;
    MessageNode {
        name: declaration.name,
        id: message.id.to_string(),
        kind: message.kind,
        key: message.key,
        requires: message.access.map(|access| Requirement {
            roles: access.roles.to_vec(),
            functions: access.has_functions,
        }),
        file: declaration.file,
        line: declaration.line,
    }
}

fn module_node(module: &ModuleDescriptor) -> ModuleNode {
    let declaration = module.declaration;
    ModuleNode {
        name: declaration.name,
        kind: module.kind,
        instances: module.instances,
        manual: module.launch.is_none(),
        file: declaration.file,
        line: declaration.line,
    }
}

fn edges(module: &'static ModuleDescriptor) -> impl Iterator<Item = Edge> {
    let lists = [
        (Relation::Handles, module.handles),
        (Relation::Emits, module.emits),
        (Relation::Calls, module.calls),
    ];
    let name = module.declaration.name;
    lists.into_iter().flat_map(move |(relation, messages)| {
        messages.iter().map(move |message| Edge {
            module: name,
            relation,
            message: (message.descriptor)().declaration.name,
            with: match relation {
                Relation::Handles => middleware(module, message),
                Relation::Emits | Relation::Calls => Vec::new(),
            },
        })
    })
}

/// What stands around the handler of a message.
fn middleware(module: &ModuleDescriptor, message: &MessageProof) -> Vec<&'static str> {
    let message = (message.descriptor)();
    let mut handlers = module.handlers.iter();
    let handler = handlers.find(|handler| ptr::eq((handler.message.descriptor)(), message));
    let with = handler.map_or(&[][..], |handler| handler.with);
    with.iter().map(|it| it.declaration.name).collect()
}
