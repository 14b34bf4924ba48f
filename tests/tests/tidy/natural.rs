//! [`NATURAL`]: the circles that may be. Each entry names the imports that close them, and the property of
//! the code that requires these imports.

/// Imports that close circles, and the reason for them.
pub(crate) struct Natural {
    /// Where the entry stands in this file.
    pub(crate) line: u32,
    pub(crate) reason: &'static str,
    /// The folder that the files are in.
    pub(crate) folder: &'static str,
    /// A file, and the file that it imports from although that leads back to it.
    pub(crate) imports: &'static [(&'static str, &'static str)],
}

pub(crate) const NATURAL: &[Natural] = &[
    Natural {
        line: line!(),
        reason: "the data is recursive: a failure holds the error of a nested unit of work, which lists failures",
        folder: "nether/src/error",
        imports: &[("failure.rs", "context.rs")],
    },
    Natural {
        line: line!(),
        reason: "the handle of a store holds the controls of its followers; a control holds the parked events, and parked events \
                 are loaded through the handle",
        folder: "nether/src/eventstore",
        imports: &[("parked.rs", "store.rs")],
    },
    Natural {
        line: line!(),
        reason: "a module owns its runner or repository, which runs user code in the context of that module: `Context<Module>`",
        folder: "nether/src/eventstore",
        imports: &[
            ("aggregate/module.rs", "aggregate/repository.rs"),
            ("projection/module.rs", "projection/runner.rs"),
            ("saga/module.rs", "saga/runner.rs"),
        ],
    },
    Natural {
        line: line!(),
        reason: "a step of a saga collects outgoing commands, and an outgoing command is one that the step takes (`SentBy`)",
        folder: "nether/src/eventstore/saga",
        imports: &[("outgoing.rs", "step.rs")],
    },
];
