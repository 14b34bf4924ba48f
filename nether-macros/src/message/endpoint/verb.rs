//! [`Verb`]: the first word of `http = ".."`, and which kind of message has which.

use syn::LitStr;

use crate::diagnostics::Diagnostics;
use crate::message::MessageKind;
use crate::message::model::Model;
use crate::suggest;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    /// Listens to events.
    Sse,
}

const ALL: [Verb; 6] = [
    Verb::Post,
    Verb::Put,
    Verb::Patch,
    Verb::Delete,
    Verb::Get,
    Verb::Sse,
];

impl Verb {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
            Verb::Sse => "SSE",
        }
    }

    /// The method of the request: events are asked for with a GET.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Verb::Sse => Verb::Get.word(),
            other => other.word(),
        }
    }

    /// Whether its requests have a body.
    pub(crate) fn has_body(self) -> bool {
        !matches!(self, Verb::Get | Verb::Sse)
    }

    fn read(word: &str) -> Option<Self> {
        ALL.into_iter().find(|verb| verb.word() == word)
    }
}

/// The verb that most messages of the kind have.
pub(crate) fn usual(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Command => "POST",
        MessageKind::Query => "GET",
        MessageKind::Event => "SSE",
    }
}

/// The verbs of a kind of message.
fn allowed(kind: MessageKind) -> &'static [Verb] {
    match kind {
        MessageKind::Command => &[Verb::Post, Verb::Put, Verb::Patch, Verb::Delete],
        MessageKind::Query => &[Verb::Get, Verb::Post],
        MessageKind::Event => &[Verb::Sse],
    }
}

/// The verb is known, in capitals, and one of its kind of message.
pub(crate) fn check(
    model: &Model,
    literal: &LitStr,
    (word, path): (&str, &str),
    diagnostics: &Diagnostics,
) -> Option<Verb> {
    let Some(verb) = Verb::read(word) else {
        let (message, help) = unknown(model.kind, word, path);
        diagnostics.error(literal, message, help);
        return None;
    };
    if allowed(model.kind).contains(&verb) {
        return Some(verb);
    }
    let (message, help) = misplaced(model, verb, path);
    diagnostics.error(literal, message, help);
    None
}

/// The error and the way out for a word that is no verb.
fn unknown(kind: MessageKind, word: &str, path: &str) -> (String, String) {
    let capitals = word.to_uppercase();
    if Verb::read(&capitals).is_some() {
        let message = format!("the verb `{word}` is not written in capitals");
        return (message, format!("write `http = \"{capitals} {path}\"`"));
    }
    let verbs = allowed(kind).iter().map(|verb| verb.word());
    let known = suggest::listed(verbs);
    let nearest = suggest::nearest(&capitals, ALL.iter().map(|verb| verb.word()));
    let guess = nearest.map_or(String::new(), |nearest| {
        format!(": did you mean `{nearest}`?")
    });
    let (message, kind) = (format!("there is no verb `{word}`{guess}"), article(kind));
    (message, format!("the verbs of {kind} are {known}"))
}

/// The error and the way out for a verb of another kind of message.
fn misplaced(model: &Model, verb: Verb, path: &str) -> (String, String) {
    let ident = model.definition.ident();
    let word = verb.word();
    let usual = format!("write `http = \"{} {path}\"`", usual(model.kind));
    match (model.kind, verb) {
        (MessageKind::Event, _) => (
            format!(
                "the event `{ident}` cannot have `{word}`: clients listen to events, and do not send them"
            ),
            format!("{usual}, or make it a command: `#[command(http = \"{word} {path}\")]`"),
        ),
        (kind, Verb::Sse) => (
            format!(
                "`SSE` is a stream of events, but `{ident}` is {}, which is answered once",
                article(kind)
            ),
            format!("{usual}, or give `SSE` to the `#[event]` that reports it"),
        ),
        (MessageKind::Command, _) => (
            format!("a GET must change nothing (RFC 9110, 9.2.1), but `{ident}` is a command"),
            format!("{usual}, or make it a query: `#[query(http = \"GET {path}\")]`"),
        ),
        (MessageKind::Query, _) => (
            format!("a {word} changes something, but the query `{ident}` changes nothing"),
            format!(
                "{usual}, or `POST` if it needs a body, or make it a command: `#[command(http = \"{word} {path}\")]`"
            ),
        ),
    }
}

fn article(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Command => "a command",
        MessageKind::Query => "a query",
        MessageKind::Event => "an event",
    }
}
