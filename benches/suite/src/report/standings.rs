//! The table of targets: what holds and what does not.

use reporting::text::{or_dash, ratio, table};

use crate::results::Results;
use crate::runtime::Flavour;
use crate::targets::{self, Standing};

pub fn standings(results: &Results) -> String {
    let rows = targets::ALL.iter().filter_map(|target| {
        let standings = Flavour::BOTH.map(|flavour| target.standing(results, flavour));
        standings.iter().any(Option::is_some).then_some(())?;
        let mut row = vec![target.what.to_owned()];
        for standing in &standings {
            let cell = |of: fn(&Standing) -> String| or_dash(standing.as_ref().map(of));
            row.extend([
                cell(|it| ratio(it.measured)),
                cell(|it| it.target.clone()),
                cell(|it| if it.holds { "holds" } else { "does not hold" }.into()),
            ]);
        }
        Some(row)
    });
    let head = [
        "Nether",
        "multi-thread",
        "target",
        "",
        "current_thread",
        "target",
        "",
    ];
    let failed: String = results
        .failed
        .iter()
        .map(|it| {
            format!(
                "\n**`{}` failed in `{}`: {}.**\n",
                it.contestant, it.scenario, it.reason
            )
        })
        .collect();
    format!(
        "## Targets\n\nRatios within this run: median over the rounds, quartiles in brackets.\n\n{}{failed}",
        table(&head, rows)
    )
}
