//! [`StartError`]: everything that keeps a system from starting.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::declaration::Declaration;
use crate::error::boxed::Error;

/// Everything that keeps a system from starting.
///
/// [`Display`](fmt::Display) names each problem, with the file and line of the declarations that it concerns,
/// and how to repair it.
#[derive(Debug)]
pub struct StartError {
    /// The problems, those of one kind together.
    pub problems: Vec<StartProblem>,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => write!(f, "the system cannot start: {one}"),
            many => {
                write!(f, "the system cannot start, for {} reasons:", many.len())?;
                many.iter()
                    .try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

impl StdError for StartError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.problems.iter().find_map(|problem| match problem {
            StartProblem::ModuleFailed { error, .. } => error.as_std().source(),
            _ => None,
        })
    }
}

/// One thing that keeps a system from starting.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartProblem {
    /// Two modules handle one command or query.
    TwoHandlers {
        /// The message.
        message: Declaration,
        /// The modules.
        modules: [Declaration; 2],
    },
    /// A message that a module lists in `calls` or `emits` has no handler.
    NoHandler {
        /// The message.
        message: Declaration,
        /// The module that lists it.
        module: Declaration,
        /// The list it stands in.
        list: &'static str,
    },
    /// A module handles a message that is not in the registry.
    NotRegistered {
        /// The message.
        message: Declaration,
        /// The module.
        module: Declaration,
    },
    /// Two messages have the same name, or names with the same ID.
    SameId {
        /// The messages.
        messages: [Declaration; 2],
    },
    /// Two messages are endpoints at one place.
    SameEndpoint {
        /// The messages.
        messages: [Declaration; 2],
        /// Method and path.
        endpoint: String,
    },
    /// A resource that modules need, and that the program does not provide.
    MissingResource {
        /// The resource's type.
        resource: String,
        /// Its name, if it has one.
        name: Option<&'static str>,
        /// The modules that need it, each once.
        modules: Vec<Declaration>,
        /// The call that would provide it.
        given_by: String,
        /// Those that the program does provide, by type and name.
        provided: Vec<String>,
    },
    /// The program provides two resources of one type, and of one name if they have names.
    TwoResources {
        /// The resource's type.
        resource: String,
        /// Its name, if it has one.
        name: Option<&'static str>,
        /// Where they are provided.
        places: [&'static Location<'static>; 2],
    },
    /// Middleware that modules name, and whose value the program does not provide.
    MissingMiddleware {
        /// The middleware.
        middleware: Declaration,
        /// The modules that name it, each once.
        modules: Vec<Declaration>,
    },
    /// Modules that are to start after each other, in a circle.
    AfterCycle {
        /// The circle; the first is to start after the last.
        modules: Vec<Declaration>,
    },
    /// An exclusive module whose `calls` lead back to it, directly or through others: sooner or later it
    /// would wait for itself for ever.
    CallCycle {
        /// The circle; the last calls the first.
        modules: Vec<Declaration>,
    },
    /// A module is to start after one that is not part of this system.
    AfterMissing {
        /// The module.
        module: Declaration,
        /// The one it waits for.
        after: Declaration,
    },
    /// `modules = [..]` and the registry disagree: the module is registered, but not listed.
    NotListed {
        /// The module.
        module: Declaration,
    },
    /// Not even the framework's own messages are registered: the linker dropped what registers declarations.
    EmptyRegistry,
    /// Messages are declared, but no module: the registry came up empty.
    NoModules {
        /// How many messages are declared.
        messages: usize,
    },
    /// A module's `#[init]` or `#[on_start]` failed.
    ModuleFailed {
        /// The module.
        module: Declaration,
        /// What it said.
        error: Error,
    },
    /// A stop of the system would cut off requests that the server gives more time.
    ShutdownTooShort {
        /// What [`SystemBuilder::shutdown_timeout`](crate::SystemBuilder::shutdown_timeout) says.
        shutdown_timeout: Duration,
        /// What the server's `request_timeout` says.
        request_timeout: Duration,
    },
    /// The web server serves messages that say `requires = ..`, and has no authenticator to find out who
    /// asks.
    NoAuthenticator {
        /// The messages.
        messages: Vec<Declaration>,
    },
    /// A setting of the web server has a value that it cannot have.
    InvalidSetting {
        /// The method that was called.
        setting: &'static str,
        /// The problem with the value.
        reason: String,
    },
    /// The system was stopped while it started.
    Stopped,
}

impl fmt::Display for StartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartProblem::TwoHandlers {
                message,
                modules: [first, second],
            } => {
                write!(
                    f,
                    "two modules handle {message}: {first} and {second}; keep one"
                )
            }
            StartProblem::NoHandler {
                message,
                module,
                list,
            } => write!(
                f,
                "no module handles {message}, which {module} lists in `{list}`; add the module that does, or name its crate: `use that_crate as _;`"
            ),
            StartProblem::NotRegistered { message, module } => {
                write!(
                    f,
                    "{message}, which {module} handles, is missing from the link-time registry: this binary was linked without its declaration"
                )
            }
            StartProblem::SameId {
                messages: [first, second],
            } => write!(
                f,
                "{first} and {second} have the same message type ID; give one of them another name: `name = \"..\"`"
            ),
            StartProblem::SameEndpoint {
                messages: [first, second],
                endpoint,
            } => write!(
                f,
                "{first} and {second} are both the endpoint `{endpoint}`; give one of them another path or method"
            ),
            StartProblem::MissingResource {
                resource,
                name,
                modules,
                given_by,
                provided,
            } => {
                listed(modules, f)?;
                let need = if modules.len() == 1 { "needs" } else { "need" };
                write!(
                    f,
                    " {need} the resource {}; give it: {given_by}, with the `builder: SystemBuilder` that \
                     `#[nether::main]` takes instead of a `System`, or with `System::builder()`",
                    described(resource, *name)
                )?;
                if provided.is_empty() {
                    return Ok(());
                }
                let provided = provided.join(", ");
                write!(f, "; it is found by its exact type, and so far there is {provided}")
            }
            StartProblem::TwoResources {
                resource,
                name,
                places: [first, second],
            } => write!(
                f,
                "the resource {} is provided twice, at {first} and at {second}; keep one, or give one of them a name \
                 of its own: `builder.provide_named(\"..\", ..)`, which `#[init]` asks for with `#[resource(\"..\")]`",
                described(resource, *name)
            ),
            StartProblem::MissingMiddleware {
                middleware,
                modules,
            } => {
                write!(f, "{middleware} stands around handlers of ")?;
                listed(modules, f)?;
                f.write_str(
                    ", but the program does not provide it; give its value: `builder.provide(..)`, with the \
                     `builder: SystemBuilder` that `#[nether::main]` takes instead of a `System`, or with `System::builder()`",
                )
            }
            StartProblem::AfterCycle { modules } => {
                f.write_str("modules wait for each other to start: ")?;
                circle(modules, "after", f)?;
                f.write_str("; take one of them out of `after`")
            }
            StartProblem::CallCycle { modules } => {
                f.write_str(
                    "modules call each other in a circle, so they would wait for ever: ",
                )?;
                circle(modules, "calls", f)?;
                f.write_str("; let one of them `process` or `publish` instead of waiting")
            }
            StartProblem::AfterMissing { module, after } => {
                write!(
                    f,
                    "{module} starts after {after}, which is not part of this system"
                )
            }
            StartProblem::NotListed { module } => write!(
                f,
                "{module} is linked into the program but not listed in `#[nether::main(modules = [..])]`; list it, or make it `manual`"
            ),
            StartProblem::EmptyRegistry => f.write_str(
                "the link-time registry is empty, not even Nether's own messages are in it: this binary was linked without \
                 the static constructors that register declarations; keep the section they are in (`.init_array` on Linux)",
            ),
            StartProblem::NoModules { messages } => write!(
                f,
                "{messages} messages are declared but no module is: the link-time registry holds none; \
                 name the crates of your modules (`use that_crate as _;`), or start with `System::builder().isolated()`"
            ),
            StartProblem::ModuleFailed { module, error } => {
                write!(f, "{module} failed to start: {error}")
            }
            StartProblem::ShutdownTooShort {
                shutdown_timeout,
                request_timeout,
            } => write!(
                f,
                "the server gives a request {request_timeout:?}, but a stop of the system cuts it off after {shutdown_timeout:?}; \
                 give the stop more time (`SystemBuilder::shutdown_timeout`), or requests less (`Server::request_timeout`)"
            ),
            StartProblem::NoAuthenticator { messages } => {
                listed(messages, f)?;
                let say = if messages.len() == 1 { "says" } else { "say" };
                write!(
                    f,
                    " {say} who may send them with `requires`, but the server does not find out who asks; give it an \
                     authenticator: `Server::authenticate(..)`"
                )
            }
            StartProblem::InvalidSetting { setting, reason } => write!(f, "`{setting}`: {reason}"),
            StartProblem::Stopped => f.write_str("the system was asked to stop while it started"),
        }
    }
}

/// `a`, `b` and `c`.
fn listed(modules: &[Declaration], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, module) in modules.iter().enumerate() {
        match modules.len() - index {
            _ if index == 0 => {}
            1 => f.write_str(" and ")?,
            _ => f.write_str(", ")?,
        }
        write!(f, "{module}")?;
    }
    Ok(())
}

/// A resource: its type, and its name if it has one.
pub(crate) fn described(ty: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("`{ty}` named \"{name}\""),
        None => format!("`{ty}`"),
    }
}

fn circle(modules: &[Declaration], verb: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    modules
        .iter()
        .try_for_each(|module| write!(f, "{module} {verb} "))?;
    modules
        .first()
        .map_or(Ok(()), |first| write!(f, "`{}`", first.name))
}
