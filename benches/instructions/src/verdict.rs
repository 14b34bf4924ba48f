//! Compares what was counted with the figures.

use std::fmt::Write;

use crate::figures::Figures;

/// How much more or less than its figure a path may take, in percent.
const TOLERANCE: u64 = 5;

/// The command that takes what is counted as the figures.
const UPDATE: &str =
    "`cargo run --manifest-path benches/Cargo.toml --profile guard -p instructions -- --update`";

pub(crate) struct Verdict {
    /// One line a path.
    pub(crate) table: String,
    /// Why this must not land as it is; empty if it may.
    pub(crate) problems: Vec<String>,
}

pub(crate) fn compare(kept: &Figures, counted: &Figures) -> Verdict {
    let mut verdict = Verdict {
        table: format!(
            "{:<22}{:>9}{:>9}\n",
            "instructions each", "figure", "counted"
        ),
        problems: Vec::new(),
    };
    for (path, &count) in &counted.instructions {
        match kept.instructions.get(path) {
            Some(&figure) => verdict.weigh(path, figure, count),
            None => verdict.problem(format!("`{path}` has no figure: {UPDATE}")),
        }
    }
    for path in kept.instructions.keys() {
        if !counted.instructions.contains_key(path) {
            verdict.problem(format!("there is no path `{path}` any more: {UPDATE}"));
        }
    }
    if kept.toolchain != counted.toolchain {
        verdict.problem(format!(
            "the figures hold for {}, this is {}: if the table shows nothing but the compiler's doing, {UPDATE}",
            kept.toolchain, counted.toolchain
        ));
    }
    verdict
}

impl Verdict {
    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn weigh(&mut self, path: &str, figure: u64, count: u64) {
        let change = (count as f64 / figure as f64 - 1.0) * 100.0;
        let hint = if count * 100 < figure * (100 - TOLERANCE) {
            "  better: keep it with --update"
        } else {
            ""
        };
        let _ = writeln!(
            self.table,
            "{path:<22}{figure:>9}{count:>9}{change:>+8.1} %{hint}"
        );
        if count * 100 > figure * (100 + TOLERANCE) {
            self.problem(format!(
                "`{path}` takes {change:.1} % more instructions than its figure; if that is meant, {UPDATE}"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::figures::Figures;

    fn figures(toolchain: &str, instructions: &[(&str, u64)]) -> Figures {
        let instructions = instructions
            .iter()
            .map(|&(path, count)| (path.to_owned(), count));
        Figures {
            toolchain: toolchain.to_owned(),
            instructions: instructions.collect(),
        }
    }

    /// The problems, when `kept` is in the repository and `counted` is counted.
    fn problems(kept: &[(&str, u64)], counted: &[(&str, u64)]) -> Vec<String> {
        compare(&figures("rustc 1", kept), &figures("rustc 1", counted)).problems
    }

    #[test]
    fn up_to_five_percent_more_may_land() {
        assert!(problems(&[("send", 1000)], &[("send", 1050)]).is_empty());
        let problems = problems(&[("send", 1000)], &[("send", 1051)]);
        assert!(
            problems[0].starts_with("`send` takes 5.1 % more"),
            "{problems:?}"
        );
    }

    #[test]
    fn what_got_better_is_told_and_may_land() {
        let verdict = compare(
            &figures("", &[("send", 1000)]),
            &figures("", &[("send", 900)]),
        );
        assert!(verdict.problems.is_empty());
        assert!(
            verdict.table.contains("-10.0 %  better: keep it"),
            "{}",
            verdict.table
        );
    }

    #[test]
    fn a_figure_too_many_or_too_few_is_a_problem() {
        assert!(problems(&[], &[("send", 1)])[0].contains("`send` has no figure"));
        assert!(problems(&[("send", 1)], &[])[0].contains("no path `send` any more"));
    }

    #[test]
    fn another_compiler_needs_new_figures() {
        let verdict = compare(&figures("rustc 1", &[]), &figures("rustc 2", &[]));
        assert!(verdict.problems[0].contains("hold for rustc 1, this is rustc 2"));
    }
}
