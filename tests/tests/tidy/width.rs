//! Width: comments and prose end at 110 columns, so that two files fit side by side. Tables, blocks of code
//! and the targets of links are as long as they are.

use std::path::Path;

use crate::document::Document;
use crate::finding::Finding;
use crate::lexer::lex;
use crate::pages::{SOURCES, attributes, pages};
use crate::tree::{File, files};

const COLUMNS: usize = 110;

pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in pages(root).into_iter().chain(attributes(root)) {
        let lines = page
            .prose()
            .filter(|line| is_too_long(&line.text, &line.text));
        findings.extend(lines.map(|line| found(&page.path, line.number)));
    }
    for file in SOURCES.iter().flat_map(|folder| files(root, folder, "rs")) {
        findings.extend(long_comments(&file));
    }
    findings
}

fn long_comments(file: &File) -> Vec<Finding> {
    let lines: Vec<&str> = file.text.lines().collect();
    let code: Vec<usize> = {
        let document = Document::comments(file);
        let code = document.lines.iter().filter(|line| line.is_code);
        code.map(|line| line.number).collect()
    };
    let comments = lex(&file.text).comments;
    let prose = comments
        .iter()
        .filter(|comment| !code.contains(&comment.line));
    let long = prose.filter(|comment| {
        let whole = lines.get(comment.line - 1).copied().unwrap_or_default();
        is_too_long(whole, comment.text.trim_start_matches(['/', '!']))
    });
    long.map(|comment| found(&file.path, comment.line))
        .collect()
}

/// Whether a line goes on behind the last column; `text` is its prose.
fn is_too_long(line: &str, text: &str) -> bool {
    let is_table = text.trim_start().starts_with('|');
    line.chars().count() > COLUMNS && !is_table && line.chars().count() - targets(text) > COLUMNS
}

/// How many characters are targets of links.
fn targets(text: &str) -> usize {
    let links = text
        .split("](")
        .skip(1)
        .map(|rest| rest.find(')').unwrap_or(rest.len()));
    let addresses = text
        .split(' ')
        .filter(|word| word.contains("://") && !word.contains("]("));
    links.sum::<usize>() + addresses.map(str::len).sum::<usize>()
}

fn found(file: &str, line: usize) -> Finding {
    let what = format!("the line ends behind column {COLUMNS}");
    Finding::new(file, line, what, "wrap it")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::finding::{assert_clean, assert_one};
    use crate::small::Small;

    #[test]
    fn a_long_line_of_prose_is_found_and_a_long_table_is_not() {
        let (fits, long) = ("a".repeat(106), "a".repeat(107));
        let table = format!("| {long} |\n```\n{long}{long}\n```\n[b]({long})\n<https://{long}>\n");
        let commented: String = table.lines().map(|line| format!("//! {line}\n")).collect();
        let code = format!("const A: &str = \"{long}\";\n/// {fits}\nfn a() {{}}\n");
        let small = Small::new("width")
            .write("README.md", &table)
            .write("nether/src/a.rs", &format!("{commented}{code}"));
        assert_clean(&check(small.root()));
        let small = small.append("README.md", &format!("b {long} c\n"));
        assert_one(&check(small.root()), "README.md:7", "column 110");
        for line in [
            format!("/// {long}"),
            format!("    // {long}"),
            format!("fn b() {{}} // {fits}"),
        ] {
            let small =
                Small::new("width-comment").write("nether/src/b.rs", &format!("//! B.\n{line}\n"));
            assert_one(&check(small.root()), "nether/src/b.rs:2", "column 110");
        }
    }
}
