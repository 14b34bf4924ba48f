//! What the command line asks for.

/// What to run.
pub struct Options {
    pub quick: bool,
    pub rounds: usize,
    only: Vec<String>,
    skip: Vec<String>,
    who: Vec<String>,
}

const USAGE: &str = "\
usage: suite [--quick] [--rounds <number>] [--only <scenario>]... [--skip <scenario>]... [--who <contestant>]...

  --quick   five short rounds: what runs at all, not how fast
  --rounds  how often everybody has a turn
  --only    scenarios that are called so or begin so, such as `callers`; also `startup`, `memory` and `things`
  --skip    scenarios to leave out, named likewise
  --who     contestants that are called so or begin so, such as `kameo`; the baseline always runs

With --only or --who nothing is written.";

/// Many short ones: on the multi-thread runtime turns of sequential calls fall into two groups, one twice the
/// other.
const ROUNDS: usize = 25;
const QUICK_ROUNDS: usize = 5;

impl Options {
    /// What the arguments say, or what to print instead.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, &'static str> {
        let (mut quick, mut rounds) = (false, None);
        let (mut only, mut skip, mut who) = (Vec::new(), Vec::new(), Vec::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--quick" => quick = true,
                "--rounds" => rounds = Some(value()?.parse().map_err(|_| USAGE)?),
                "--only" => only.push(value()?),
                "--skip" => skip.push(value()?),
                "--who" => who.push(value()?),
                _ => return Err(USAGE),
            }
        }
        Ok(Options {
            quick,
            rounds: rounds
                .unwrap_or(if quick { QUICK_ROUNDS } else { ROUNDS })
                .max(1),
            only,
            skip,
            who,
        })
    }

    /// Whether a scenario shall run.
    pub fn wants(&self, scenario: &str) -> bool {
        (self.only.is_empty() || begins_so(&self.only, scenario))
            && !begins_so(&self.skip, scenario)
    }

    /// Whether a contestant shall run.
    pub fn admits(&self, contestant: &str) -> bool {
        self.who.is_empty() || begins_so(&self.who, contestant)
    }

    /// Whether it is a part of the whole that was asked for.
    pub fn is_partial(&self) -> bool {
        !self.only.is_empty() || !self.who.is_empty()
    }
}

fn begins_so(begins: &[String], name: &str) -> bool {
    begins.iter().any(|begin| name.starts_with(begin.as_str()))
}
