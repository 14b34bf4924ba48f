//! [`lex`]: Rust source as tokens and comments. Strings and comments are no code.

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or a keyword; raw ones without `r#`.
    Word,
    /// A punctuation character; `::` is one token.
    Mark,
    /// A string, whose text is what stands between the quotes.
    Text,
    /// A number, a character or a lifetime.
    Other,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    pub(crate) fn is(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }

    pub(crate) fn is_keyword(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }
}

/// A comment, with its slashes.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A source file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
}

pub(crate) fn lex(text: &str) -> Source {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
        source: Source::default(),
    };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.source
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    source: Source,
}

impl<'t> Lexer<'t> {
    fn step(&mut self) {
        let rest = self.rest;
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            self.take(first.len_utf8());
        } else if rest.starts_with("//") {
            self.comment(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.comment(block_comment(rest));
        } else if first == '"' {
            self.string(1);
        } else if first == '\'' {
            self.quote();
        } else if first.is_ascii_digit() {
            self.token(Kind::Other, number(rest));
        } else if first.is_alphabetic() || first == '_' {
            self.word();
        } else if rest.starts_with("::") {
            self.token(Kind::Mark, 2);
        } else {
            self.token(Kind::Mark, first.len_utf8());
        }
    }

    /// Goes on behind so many bytes, and returns them.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn comment(&mut self, length: usize) {
        let line = self.line;
        let text = self.take(length).to_owned();
        self.source.comments.push(Comment { text, line });
    }

    fn token(&mut self, kind: Kind, length: usize) {
        let line = self.line;
        let text = self.take(length).to_owned();
        self.source.tokens.push(Token { kind, text, line });
    }

    /// A string that is not raw, behind its prefix and its first quote.
    fn string(&mut self, opening: usize) {
        let inner = &self.rest[opening..];
        let mut is_escaped = false;
        let end = inner.char_indices().find(|(_, letter)| {
            let is_end = *letter == '"' && !is_escaped;
            is_escaped = *letter == '\\' && !is_escaped;
            is_end
        });
        let length = end.map_or(inner.len(), |(end, _)| end);
        self.text(opening, length, 1);
    }

    /// A string between an opening and a closing of so many bytes.
    fn text(&mut self, opening: usize, length: usize, closing: usize) {
        let line = self.line;
        self.take(opening);
        let text = self.take(length).to_owned();
        self.take(closing.min(self.rest.len()));
        let kind = Kind::Text;
        self.source.tokens.push(Token { kind, text, line });
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        let mut letters = self.rest[1..].char_indices();
        let first = letters.next().map_or(' ', |(_, first)| first);
        let second = letters.next();
        let length = if first == '\\' {
            // Behind the escaped character, which may be a quote.
            let from = 1 + second.map_or(1, |(at, letter)| at + letter.len_utf8());
            let end = self.rest[from..].find('\'');
            end.map_or(self.rest.len(), |end| from + end + 1)
        } else if let Some((at, '\'')) = second {
            at + 2
        } else {
            1 + word(&self.rest[1..])
        };
        self.token(Kind::Other, length);
    }

    fn word(&mut self) {
        let length = word(self.rest);
        let (name, behind) = self.rest.split_at(length);
        let hashes = behind.len() - behind.trim_start_matches('#').len();
        let is_quoted = behind[hashes..].starts_with('"');
        if matches!(name, "r" | "br" | "cr") && is_quoted {
            let opening = length + hashes + 1;
            let closing = format!("\"{}", "#".repeat(hashes));
            let inner = &self.rest[opening..];
            let end = inner.find(&closing).unwrap_or(inner.len());
            self.text(opening, end, closing.len());
        } else if matches!(name, "b" | "c") && behind.starts_with('"') {
            self.string(length + 1);
        } else if name == "b" && behind.starts_with('\'') {
            self.take(length);
            self.quote();
        } else if name == "r" && hashes == 1 {
            self.take(2);
            self.token(Kind::Word, word(self.rest));
        } else {
            self.token(Kind::Word, length);
        }
    }
}

fn word(rest: &str) -> usize {
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    end.unwrap_or(rest.len())
}

fn number(rest: &str) -> usize {
    let whole = word(rest);
    let behind = rest[whole..].strip_prefix('.');
    let fraction = behind.filter(|it| it.starts_with(|next: char| next.is_ascii_digit()));
    whole + fraction.map_or(0, |digits| 1 + word(digits))
}

/// Block comments may stand in each other.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{Kind, lex};

    fn words(text: &str) -> Vec<String> {
        let tokens = lex(text).tokens.into_iter();
        let words = tokens.filter(|token| token.kind == Kind::Word);
        words.map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let text = r####"
            a // crate::x
            /* b /* c */ d */ e "crate::y \" z" f r#"g " h"# i b"j" 'k' '\'' '"' l::<'m> r#type b'n' o
        "####;
        let expected = ["a", "e", "f", "i", "l", "type", "o"];
        assert_eq!(words(text), expected);
        let comments: Vec<String> = lex(text).comments.into_iter().map(|it| it.text).collect();
        assert_eq!(comments, ["// crate::x", "/* b /* c */ d */"]);
    }

    #[test]
    fn tokens_know_their_lines() {
        let source = lex("a\n\"b\nc\" // d\n1.5 0..2");
        let lines: Vec<usize> = source.tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 4, 4, 4, 4, 4]);
        assert_eq!(source.comments[0].line, 3);
        assert_eq!(source.tokens[2].text, "1.5");
    }
}
