//! [`Document`]: prose, of a Markdown page or of the doc comments of a source file, by its lines.

use crate::lexer::lex;
use crate::tree::File;

/// Prose that is read as Markdown.
pub(crate) struct Document {
    pub(crate) path: String,
    pub(crate) lines: Vec<Line>,
}

/// A line of a document.
pub(crate) struct Line {
    pub(crate) number: usize,
    /// Without the slashes of a comment.
    pub(crate) text: String,
    /// Whether it stands in a fenced block of code, or is its fence.
    pub(crate) is_code: bool,
}

/// A piece of inline code.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Document {
    /// A page of Markdown.
    pub(crate) fn page(file: &File) -> Self {
        let lines = file.text.lines().enumerate();
        let lines = lines.map(|(index, line)| (index + 1, line.to_owned()));
        Document::new(&file.path, lines.collect())
    }

    /// The doc comments of a source file, one below the other, with a blank line where code stands between
    /// them.
    pub(crate) fn comments(file: &File) -> Self {
        Document::of_comments(file, documents)
    }

    /// The other comments, in the same way.
    pub(crate) fn asides(file: &File) -> Self {
        Document::of_comments(file, |text| {
            let behind = text.strip_prefix("//").or(text.strip_prefix("/*"))?;
            documents(text).is_none().then_some(behind)
        })
    }

    /// The comments of which `read` returns the text.
    fn of_comments(file: &File, read: impl Fn(&str) -> Option<&str>) -> Self {
        let mut lines: Vec<(usize, String)> = Vec::new();
        for comment in lex(&file.text).comments {
            let Some(text) = read(&comment.text) else {
                continue;
            };
            if lines
                .last()
                .is_some_and(|(last, _)| last + 1 < comment.line)
            {
                lines.push((comment.line - 1, String::new()));
            }
            let text = text.strip_prefix(' ').unwrap_or(text);
            lines.push((comment.line, text.to_owned()));
        }
        Document::new(&file.path, lines)
    }

    fn new(path: &str, lines: Vec<(usize, String)>) -> Self {
        let mut is_open = false;
        let lines = lines.into_iter().map(|(number, text)| {
            let is_fence = text.trim_start().starts_with("```");
            let is_code = is_open || is_fence;
            is_open = is_open != is_fence;
            Line {
                number,
                text,
                is_code,
            }
        });
        Document {
            path: path.to_owned(),
            lines: lines.collect(),
        }
    }

    /// The lines that are no code.
    pub(crate) fn prose(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| !line.is_code)
    }

    /// All inline code, also what goes on in the next line.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut open: Option<Span> = None;
        for line in self.prose() {
            if line.text.trim().is_empty() {
                open = None;
            }
            if let Some(span) = &mut open {
                span.text.push(' ');
            }
            for (index, piece) in line.text.split('`').enumerate() {
                if index > 0 {
                    match open.take() {
                        Some(span) => spans.push(span),
                        None => {
                            let (text, line) = (String::new(), line.number);
                            open = Some(Span { text, line });
                        }
                    }
                }
                if let Some(span) = &mut open {
                    span.text.push_str(piece.trim_start_matches("  "));
                }
            }
        }
        spans
    }

    /// The targets of links, as written.
    pub(crate) fn links(&self) -> Vec<Span> {
        let mut links = Vec::new();
        for line in self.prose() {
            for rest in line.text.split("](").skip(1) {
                let end = rest.find([')', ' ']).unwrap_or(rest.len());
                let (text, line) = (rest[..end].to_owned(), line.number);
                links.push(Span { text, line });
            }
        }
        links
    }

    /// The lines below a heading, up to the next one of its level.
    pub(crate) fn section(&self, heading: &str) -> Vec<&Line> {
        let marks = heading.split(' ').next().unwrap_or_default();
        let lines = self.lines.iter().skip_while(|line| line.text != heading);
        let is_end = |line: &&Line| {
            let level = line.text.split(' ').next().unwrap_or_default();
            let is_heading = !level.is_empty() && level.chars().all(|mark| mark == '#');
            line.is_code || !(is_heading && level.len() <= marks.len())
        };
        lines.skip(1).take_while(is_end).collect()
    }
}

/// The text of a doc comment; `None` if the comment is none.
fn documents(comment: &str) -> Option<&str> {
    let mut slashes = ["///", "//!"].iter();
    let text = slashes.find_map(|it| comment.strip_prefix(it));
    text.filter(|_| !comment.starts_with("////"))
}

/// The inline code of one line.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::Document;
    use crate::tree::File;

    fn file(text: &str) -> File {
        File {
            path: "a".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn spans_and_links_are_found_but_not_in_blocks_of_code() {
        let page = "a `b` [c](d#e) `f\ng`\n```sh\n`h`\n```\n| `i` |\n";
        let page = Document::page(&file(page));
        let spans: Vec<(usize, String)> = page
            .spans()
            .into_iter()
            .map(|it| (it.line, it.text))
            .collect();
        let expected = [(1, "b"), (1, "f g"), (6, "i")];
        assert_eq!(spans, expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(page.links()[0].text, "d#e");
    }

    #[test]
    fn doc_comments_are_distinguished_from_others() {
        let source = "//! `a`\n// `b`\nfn c() {} // `d`\n/// `e`\nfn f() { \"/// `g`\"; }\n";
        let document = Document::comments(&file(source));
        let spans: Vec<String> = document.spans().into_iter().map(|it| it.text).collect();
        assert_eq!(spans, ["a", "e"]);
        let document = Document::asides(&file(source));
        let spans: Vec<String> = document.spans().into_iter().map(|it| it.text).collect();
        assert_eq!(spans, ["b", "d"]);
    }

    #[test]
    fn a_section_ends_where_the_next_of_its_level_begins() {
        let page = Document::page(&file("# A\nb\n## C\nd\n# E\nf\n"));
        let lines: Vec<&str> = page
            .section("# A")
            .iter()
            .map(|it| it.text.as_str())
            .collect();
        assert_eq!(lines, ["b", "## C", "d"]);
    }
}
