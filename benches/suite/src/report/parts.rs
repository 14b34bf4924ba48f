//! Who took part, and the plots.

use reporting::benches;
use reporting::locked::version;
use reporting::text::table;

use crate::contestants;

/// The plots, by the names of their files.
pub(super) fn plots(names: &[(String, &str)]) -> String {
    let mut text = String::from("## How cost grows\n");
    for (file, title) in names {
        text += &format!("\n![{title}](report/{file})\n");
    }
    text
}

pub(super) fn contestants() -> String {
    let lock = std::fs::read_to_string(benches().join("Cargo.lock")).unwrap_or_default();
    let rows = contestants::ALL.iter().map(|it| {
        let version = version(&lock, it.package).unwrap_or("–");
        let package = if it.package.is_empty() {
            "–"
        } else {
            it.package
        };
        vec![
            format!("`{}`", it.id),
            format!("{package} {version}"),
            it.setting.to_owned(),
        ]
    });
    format!(
        "## Who took part\n\nVersions are those of `Cargo.lock`. coerce 0.8.11 is of October 2023, and still its newest \
         release; it builds and runs with today's tokio.\n\n{}",
        table(&["", "crate", "how it is set up"], rows)
    )
}
