//! [`RoutePath`]: the second word of `http = ".."`, and how paths are written.

use syn::LitStr;

use crate::diagnostics::Diagnostics;

/// What may stand in a segment besides letters and digits (RFC 3986, 3.3), nothing percent-encoded.
const MARKS: &str = "-._~!$&'()*+,;=:@";

/// A path that is written as it should be.
pub(crate) struct RoutePath {
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    /// The name in braces.
    Parameter(String),
}

impl RoutePath {
    /// The names of the parameters, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter(name) => Some(name.as_str()),
        })
    }
}

/// The message of an error, and the way out.
type Mistake = (String, String);

/// Checks the path, each segment by itself.
pub(crate) fn check(path: &str, literal: &LitStr, diagnostics: &Diagnostics) -> Option<RoutePath> {
    let segments = match check_whole(path) {
        Ok(segments) => segments,
        Err((message, help)) => {
            diagnostics.error(literal, message, help);
            return None;
        }
    };
    let before = diagnostics.count();
    let mut read = Vec::new();
    for segment in segments {
        match check_segment(segment) {
            Ok(segment) => read.push(segment),
            Err((message, help)) => diagnostics.error(literal, message, help),
        }
    }
    let path = RoutePath {
        text: path.to_owned(),
        segments: read,
    };
    check_distinct(&path, literal, diagnostics);
    (diagnostics.count() == before).then_some(path)
}

/// A path begins with a slash and ends before the query string.
fn check_whole(path: &str) -> Result<Vec<&str>, Mistake> {
    let Some(inner) = path.strip_prefix('/') else {
        let message = format!("the path `{path}` does not begin with a slash");
        return Err((message, format!("write `/{path}`")));
    };
    if let Some((before, _)) = path.split_once(['?', '#']) {
        let message = format!("the path `{path}` goes on behind its end, `{before}`");
        let help = format!(
            "write `{before}`: fields that are not in the path are read from the query string or the body"
        );
        return Err((message, help));
    }
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    check_slashes(path, inner.split('/').collect())
}

/// There is something behind each slash: `/orders` and `/orders/` would be two paths.
fn check_slashes<'a>(path: &str, segments: Vec<&'a str>) -> Result<Vec<&'a str>, Mistake> {
    if !segments.contains(&"") {
        return Ok(segments);
    }
    let full = segments.iter().filter(|segment| !segment.is_empty());
    let meant: String = full.map(|segment| format!("/{segment}")).collect();
    let what = match path.strip_suffix('/') {
        Some(rest) if rest == meant => "ends with a slash",
        _ => "has slashes with nothing between them",
    };
    let meant = if meant.is_empty() { "/" } else { &meant };
    Err((
        format!("the path `{path}` {what}"),
        format!("write `{meant}`"),
    ))
}

/// A segment is a parameter or literal, not both.
fn check_segment(segment: &str) -> Result<Segment, Mistake> {
    check_old_syntax(segment)?;
    let inner = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    match inner {
        Some(name) if !name.contains(['{', '}']) => check_parameter(name),
        _ => check_literal(segment),
    }
}

/// Parameters are not written as other frameworks do, or did.
fn check_old_syntax(segment: &str) -> Result<(), Mistake> {
    let in_angles = |segment: &str| Some(segment.strip_prefix('<')?.strip_suffix('>')?.to_owned());
    let colon = segment.strip_prefix(':').map(str::to_owned);
    let Some(name) = colon.or_else(|| in_angles(segment)) else {
        return Ok(());
    };
    let message = format!("`{segment}` is not how a parameter is written");
    Err((message, format!("write `{{{name}}}`")))
}

/// A parameter is one segment, and has a name.
fn check_parameter(name: &str) -> Result<Segment, Mistake> {
    if let Some(rest) = name.strip_prefix('*') {
        return Err(wildcard(&format!("{{{name}}}"), rest));
    }
    if name.is_empty() {
        let message = "the parameter `{}` has no name".to_owned();
        return Err((message, "write the name of a field: `{id}`".to_owned()));
    }
    Ok(Segment::Parameter(name.to_owned()))
}

fn wildcard(segment: &str, name: &str) -> Mistake {
    let name = if name.is_empty() { "rest" } else { name };
    let message =
        format!("`{segment}` stands for any number of segments, but a field is read from one");
    let help = format!(
        "write `{{{name}}}`, or serve what lies deeper with a route of axum's: `#[routes]`"
    );
    (message, help)
}

/// Literal segments are what clients write, letter for letter.
fn check_literal(segment: &str) -> Result<Segment, Mistake> {
    if let Some(rest) = segment.strip_prefix('*') {
        return Err(wildcard(segment, rest));
    }
    if segment.contains(['{', '}']) {
        let message = format!("`{segment}` is a parameter only in part");
        return Err((
            message,
            "let a parameter be all that is between two slashes: `/{id}/`".to_owned(),
        ));
    }
    if segment == "." || segment == ".." {
        let message =
            format!("clients do not send the segment `{segment}`, but go to another path");
        return Err((message, "write the path that is meant".to_owned()));
    }
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || MARKS.contains(letter);
    if let Some(letter) = segment.chars().find(|letter| !is_allowed(*letter)) {
        let message = format!("`{}` cannot stand in a path", letter.escape_debug());
        let help = format!("a segment is of ASCII letters, digits, and `{MARKS}`");
        return Err((message, help));
    }
    Ok(Segment::Literal(segment.to_owned()))
}

/// A parameter is read once.
fn check_distinct(path: &RoutePath, literal: &LitStr, diagnostics: &Diagnostics) {
    let names: Vec<&str> = path.parameters().collect();
    for (index, name) in names.iter().enumerate() {
        let before = names[..index].iter().filter(|other| *other == name).count();
        if before == 1 {
            let message = format!("the parameter `{{{name}}}` is in the path twice");
            let help = "each names a field of its own: rename one";
            diagnostics.error(literal, message, help);
        }
    }
}
