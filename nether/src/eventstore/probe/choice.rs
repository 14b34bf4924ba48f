//! [`Choices`]: what is shown at each place of a type, so that in time everything that it reads was shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::eventstore::probe::unread::Wish;

/// What was chosen at each place, over all attempts.
#[derive(Default)]
pub(super) struct Choices {
    nodes: BTreeMap<String, ChoiceNode>,
    /// The places with alternatives that are to be shown and were not.
    unshown: BTreeSet<String>,
    /// The places of this attempt, in order.
    touched: Vec<String>,
    /// The number of the value that is being made.
    pass: usize,
    /// The fields that a place was found to have, by their errors.
    fields: BTreeMap<String, Vec<String>>,
    /// Whether fields were found out by errors: those that may be missing are not.
    pub(super) has_found: bool,
    /// Where fields may be added, in the order in which they were read.
    open: Vec<String>,
    /// The names that a place takes one of.
    names: BTreeMap<String, &'static [&'static str]>,
    /// The last place that asked for a name, or for a text.
    named: Option<String>,
    /// Other names of fields that were given already.
    aliases: BTreeSet<String>,
    last_field: Option<String>,
}

/// A place with alternatives.
struct ChoiceNode {
    kind: NodeKind,
    pass: usize,
    now: usize,
    states: Vec<Tried>,
}

/// What the alternatives of a place are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    /// All are to be shown: variants.
    Each,
    /// All are to be shown that are read: numbers of several sizes.
    Readable,
    /// One is to be found that is read.
    Guess,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    Not,
    Read,
    Refused,
}

/// What an attempt that has failed leads to.
pub(super) enum Blamed {
    Again,
    /// This alternative is given up.
    Missed(String),
    /// There is nothing left to try.
    Nothing,
}

impl ChoiceNode {
    fn first(&self, state: Tried) -> Option<usize> {
        self.states.iter().position(|it| *it == state)
    }

    fn is_open(&self) -> bool {
        self.kind != NodeKind::Guess && self.first(Tried::Not).is_some()
    }
}

/// Where one goes on from a place by one of its alternatives.
pub(super) fn below(path: &str, alternative: usize) -> String {
    format!("{path}/{alternative}")
}

impl Choices {
    /// Begins an attempt.
    pub(super) fn begin(&mut self) {
        self.touched.clear();
        self.open.clear();
        self.named = None;
        self.last_field = None;
    }

    /// Which of the alternatives is to be shown.
    pub(super) fn choose(&mut self, path: &str, alternatives: usize, kind: NodeKind) -> usize {
        self.touched.push(path.to_owned());
        let pass = self.pass;
        let Some(node) = self.nodes.get(path) else {
            let states = vec![Tried::Not; alternatives.max(1)];
            let node = ChoiceNode {
                kind,
                pass,
                now: 0,
                states,
            };
            if node.is_open() {
                self.unshown.insert(path.to_owned());
            }
            self.nodes.insert(path.to_owned(), node);
            return 0;
        };
        if node.pass == pass || node.kind == NodeKind::Guess {
            return node.now;
        }
        let has_open = |index: &usize| self.is_open_below(&format!("{}/", below(path, *index)));
        let next = node.first(Tried::Not);
        let next = next.or_else(|| (0..node.states.len()).find(has_open));
        let next = next.or_else(|| node.first(Tried::Read)).unwrap_or(0);
        if let Some(node) = self.nodes.get_mut(path) {
            (node.now, node.pass) = (next, pass);
        }
        next
    }

    /// The alternative that is shown at that place.
    pub(super) fn now(&self, path: &str) -> usize {
        self.nodes.get(path).map_or(0, |node| node.now)
    }

    fn is_open_below(&self, prefix: &str) -> bool {
        let mut from = self.unshown.range(prefix.to_owned()..);
        from.next().is_some_and(|path| path.starts_with(prefix))
    }

    /// Whether there are alternatives that were not shown.
    pub(super) fn is_open(&self) -> bool {
        !self.unshown.is_empty()
    }

    /// A value was made. Says whether another one would show something else.
    pub(super) fn succeeded(&mut self) -> bool {
        let mut has_shown = false;
        for path in &self.touched {
            if let Some(node) = self.nodes.get_mut(path) {
                has_shown |= node.states[node.now] == Tried::Not;
                node.states[node.now] = Tried::Read;
                if !node.is_open() {
                    self.unshown.remove(path);
                }
            }
        }
        self.pass += 1;
        has_shown && self.is_open()
    }

    /// Finds what the attempt has failed at, and changes that.
    pub(super) fn blame(&mut self, wish: Option<Wish>) -> Blamed {
        match wish {
            Some(Wish::Field(field)) if self.add_field(&field) => return Blamed::Again,
            Some(Wish::Once) => {
                if let Some(field) = self.last_field.take()
                    && self.aliases.insert(field)
                {
                    return Blamed::Again;
                }
            }
            Some(Wish::OneOf(names)) => {
                if let Some(place) = self.named.take()
                    && !self.names.contains_key(&place)
                {
                    self.unshown.remove(&place);
                    self.nodes.remove(&place); // It was for any text.
                    self.names.insert(place, names);
                    return Blamed::Again;
                }
            }
            Some(Wish::Field(_)) | None => {}
        }
        let touched: Vec<String> = self.touched.iter().rev().cloned().collect();
        for path in touched {
            let Some(node) = self.nodes.get_mut(&path) else {
                continue;
            };
            if node.states[node.now] != Tried::Not {
                continue;
            }
            node.states[node.now] = Tried::Refused;
            let refused = node.now;
            let next = node.first(Tried::Not).or_else(|| node.first(Tried::Read));
            if let Some(next) = next {
                node.now = next;
            }
            if !node.is_open() {
                self.unshown.remove(&path);
            }
            match (node.kind, next) {
                (NodeKind::Each, _) => return Blamed::Missed(below(&path, refused)),
                (_, Some(_)) => return Blamed::Again,
                (_, None) => {}
            }
        }
        Blamed::Nothing
    }

    /// Adds the field to the innermost place that may have it.
    fn add_field(&mut self, field: &str) -> bool {
        for place in self.open.iter().rev() {
            let fields = self.fields.entry(place.clone()).or_default();
            if !fields.iter().any(|it| it == field) {
                fields.push(field.to_owned());
                return true;
            }
        }
        false
    }

    /// The fields of a place, to which others may be added, each with its own place. Those of an enum depend
    /// on its variant.
    pub(super) fn fields(&mut self, path: &str) -> Vec<(String, String)> {
        self.has_found = true;
        let mut fields = self.fields_at(path);
        let tag = fields.iter().find_map(|(_, place)| {
            let places = [place.clone(), format!("{place}/text")];
            let named = |place: String| Some((self.names.get(&place)?.len(), place));
            places.into_iter().find_map(named)
        });
        let mut place = path.to_owned();
        if let Some((names, tag)) = tag {
            let variant = self.choose(&tag, names, NodeKind::Each);
            place = format!("{}/of", below(&tag, variant));
            fields.extend(self.fields_at(&place));
        }
        self.open.push(place);
        fields
    }

    fn fields_at(&self, place: &str) -> Vec<(String, String)> {
        let fields = self.fields.get(place).into_iter().flatten();
        let fields = fields.map(|field| (field.clone(), format!("{place}/{field}")));
        fields.collect()
    }

    /// The name that is to be shown; nothing is known of it at first.
    pub(super) fn name(&mut self, path: &str) -> &'static str {
        let Some(names) = self.names.get(path).copied() else {
            self.named = Some(path.to_owned());
            return "?";
        };
        let chosen = self.choose(path, names.len(), NodeKind::Each);
        names.get(chosen).copied().unwrap_or("?")
    }

    /// The name that is to be shown where a text is, if it has to be one.
    pub(super) fn name_of_text(&mut self, path: &str) -> Option<&'static str> {
        if self.names.contains_key(path) {
            return Some(self.name(path));
        }
        self.named = Some(path.to_owned());
        None
    }

    /// Whether the field is to be given; it may be another name of one that was.
    pub(super) fn gives(&mut self, path: &str) -> bool {
        if self.aliases.contains(path) {
            return false;
        }
        self.last_field = Some(path.to_owned());
        true
    }
}
