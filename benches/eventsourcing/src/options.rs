//! What the command line asks for.

use crate::scale::Scale;

/// What to run.
#[derive(Debug)]
pub struct Options {
    pub scale: Scale,
    /// Whether the figures of this run are written down.
    pub writes: bool,
    only: Vec<String>,
}

const USAGE: &str = "\
usage: eventsourcing [<short rounds>] [--rounds <number>] [--only <scenario>]...

  <short rounds>  so many rounds, each with a fraction of the work: what runs, not how fast
  --rounds        how often everybody has a turn
  --only          scenarios that are called so or begin so, such as `together`; also `memory`

With a number of short rounds or with --only nothing is written.";

/// Enough for quartiles that do not hang on a single round.
pub const ROUNDS: usize = 15;

impl Options {
    /// What the arguments say, or what to print instead.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, &'static str> {
        let (mut short, mut rounds, mut only) = (None, ROUNDS, Vec::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--rounds" => rounds = value()?.parse().map_err(|_| USAGE)?,
                "--only" => only.push(value()?),
                number => short = Some(number.parse::<usize>().map_err(|_| USAGE)?),
            }
        }
        Ok(Options {
            scale: short.map_or_else(
                || Scale::full(rounds.max(1)),
                |rounds| Scale::short(rounds.max(1)),
            ),
            writes: short.is_none() && only.is_empty(),
            only,
        })
    }

    /// Whether a scenario shall run.
    pub fn wants(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|begin| scenario.starts_with(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, &'static str> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn only_a_full_run_of_everything_is_written() {
        let writes = |line| parse(line).expect("it is understood").writes;
        assert!(writes(""));
        assert!(writes("--rounds 3"));
        assert!(!writes("1"));
        assert!(!writes("--only together"));
    }

    #[test]
    fn scenarios_are_named_by_their_beginning() {
        let options = parse("--only one --only memory").expect("it is understood");
        assert!(options.wants("one-by-one-full") && options.wants("memory"));
        assert!(!options.wants("in-memory"));
        assert!(parse("--bogus").is_err());
    }
}
