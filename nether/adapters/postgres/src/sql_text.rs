//! What the text of a statement says of transactions: a program does not end one that the store commits.

/// The first statement in the text that begins or ends a transaction, as errors name it.
pub(super) fn ends_transaction(text: &str) -> Option<&'static str> {
    statements(text).into_iter().find_map(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK" | "TRANSACTION", "TO"] => None,
            ["COMMIT", ..] => Some("`COMMIT`"),
            ["END", ..] => Some("`END`"),
            ["ROLLBACK", ..] => Some("`ROLLBACK`"),
            ["ABORT", ..] => Some("`ABORT`"),
            ["BEGIN", ..] => Some("`BEGIN`"),
            ["START", "TRANSACTION", ..] => Some("`START TRANSACTION`"),
            ["PREPARE", "TRANSACTION", ..] => Some("`PREPARE TRANSACTION`"),
            _ => None,
        }
    })
}

/// Whether a statement in the text rolls back to a savepoint.
pub(super) fn rolls_back_to(text: &str) -> bool {
    statements(text).into_iter().any(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        matches!(
            words.as_slice(),
            ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK" | "TRANSACTION", "TO"]
        )
    })
}

/// The first three words of each statement, in capitals. A word ends where no letter follows.
fn statements(text: &str) -> Vec<Vec<String>> {
    let mut statements = vec![Vec::new()];
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            ';' => {
                statements.push(Vec::new());
                1
            }
            '-' if rest.starts_with("--") => line_comment(rest),
            '/' if rest.starts_with("/*") => comment(rest),
            // In an escape string a backslash escapes the quote behind it.
            'e' | 'E' if rest[1..].starts_with('\'') => 1 + escape_string(&rest[1..]),
            '\'' => quoted(rest, '\'', false),
            '"' => quoted(rest, '"', false),
            '$' => dollar_quoted(rest),
            it if begins_name(it) => {
                let is_of_word = |it: char| begins_name(it) || it.is_ascii_digit() || it == '$';
                let end = rest.find(|it| !is_of_word(it)).unwrap_or(rest.len());
                let words = statements.last_mut().expect("there is one from the start");
                if words.len() < 3 {
                    words.push(rest[..end].to_ascii_uppercase());
                }
                end
            }
            it => it.len_utf8(),
        };
        rest = &rest[length..];
    }
    statements
}

/// Whether a name, or the tag of a dollar quote, may begin with the character. To PostgreSQL everything that
/// is not ASCII is a letter.
fn begins_name(it: char) -> bool {
    it.is_ascii_alphabetic() || it == '_' || !it.is_ascii()
}

/// The length of a comment that ends with its line.
fn line_comment(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// The length of an escape string. A piece in quotes on a later line, with nothing but spaces and line
/// comments before it, is a part of it, and has escapes, too.
fn escape_string(text: &str) -> usize {
    let mut end = quoted(text, '\'', true);
    let (mut next, mut is_later_line) = (end, false);
    loop {
        let rest = &text[next..];
        match rest.chars().next() {
            Some('\'') if is_later_line => {
                end = next + quoted(rest, '\'', true);
                (next, is_later_line) = (end, false);
            }
            Some('-') if rest.starts_with("--") => next += line_comment(rest),
            Some(it @ (' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')) => {
                is_later_line |= matches!(it, '\n' | '\r');
                next += 1;
            }
            _ => return end,
        }
    }
}

/// The length of a comment, in which others may be.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of what is in quotes. A quote that is doubled begins another such piece at once.
fn quoted(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut is_escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        match it {
            _ if is_escaped => is_escaped = false,
            '\\' if has_escapes => is_escaped = true,
            it if it == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of what is between two equal tags, `$$` or `$tag$`; of the `$` alone, if it begins none.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|it| it + 2) else {
        return 1;
    };
    let (tag, rest) = text.split_at(end);
    let mut name = tag[1..end - 1].chars();
    let is_tag = name.next().is_none_or(begins_name)
        && name.all(|it| begins_name(it) || it.is_ascii_digit());
    match (is_tag, rest.find(tag)) {
        (false, _) => 1,
        (true, Some(closing)) => end + closing + tag.len(),
        (true, None) => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::ends_transaction;

    #[test]
    fn the_end_of_a_transaction_is_found_wherever_it_is() {
        for text in [
            "COMMIT",
            " commit work",
            "/* a /* b */ c */ end",
            "-- why\nROLLBACK",
            "rollback work",
            "ABORT",
            "begin",
            "start transaction",
            "PREPARE TRANSACTION 'a'",
            "SELECT 1; COMMIT",
            "INSERT INTO t VALUES ('a;b'); commit; SELECT 1",
            "SELECT E'\\'; '; COMMIT",
            "SELECT 'it''s'; COMMIT",
            "SELECT '\\'; COMMIT; --'",
            "DO $x$ BEGIN NULL; END $x$; COMMIT",
            "SELECT \"a;\"\"b\"; COMMIT",
            ";;commit;",
            "SELECT 1; -- a\rCOMMIT",
            "SELECT E'a'\n'b\\''; COMMIT; --'",
            "SELECT E'a' -- b\n \t'c\\''; COMMIT; --'",
            "SELECT $\u{20ac}$ ' $\u{20ac}$; COMMIT; --'",
            "SELECT 1 AS \u{20ac}$$; COMMIT; SELECT 1 AS \u{20ac}$$",
        ] {
            assert!(ends_transaction(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_ends_nothing_is_let_through() {
        for text in [
            "",
            "SELECT 'COMMIT'",
            "SELECT ';COMMIT'",
            "SELECT E'\\';COMMIT'",
            "DO $$ BEGIN COMMIT; END $$",
            "DO $body$ x $y$ ; COMMIT; $body$",
            "ROLLBACK TO SAVEPOINT a",
            "ROLLBACK WORK TO a",
            "SAVEPOINT a; RELEASE a",
            "SELECT $1; SELECT $2",
            "INSERT INTO commit VALUES (1)",
            "/* ; COMMIT */ SELECT 1",
            "SELECT 1 -- ; COMMIT",
            "SELECT \";COMMIT\"",
            "PREPARE a AS SELECT 1",
            "SELECT 'unfinished ; COMMIT",
            "CREATE TABLE ende (begin_at int)",
            "SELECT E'a'\n'b\\'; COMMIT; '",
            "SELECT $\u{20ac}1$ ; COMMIT $\u{20ac}1$",
        ] {
            assert_eq!(ends_transaction(text), None, "{text}");
        }
    }
}
