//! Who took part, and the plots.

use std::path::Path;

use crate::contestants;
use crate::report::text::table;

/// The plots, by the names of their files.
pub(super) fn plots(names: &[(String, &str)]) -> String {
    let mut text = String::from("## How cost grows\n");
    for (file, title) in names {
        text += &format!("\n![{title}](report/{file})\n");
    }
    text
}

pub(super) fn contestants(folder: &Path) -> String {
    let lock = std::fs::read_to_string(folder.join("Cargo.lock")).unwrap_or_default();
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

/// The version that a package is locked to.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_is_found_by_the_whole_name() {
        let lock =
            "name = \"tokio-util\"\nversion = \"0.7\"\n\nname = \"tokio\"\nversion = \"1.54\"\n";
        assert_eq!(version(lock, "tokio"), Some("1.54"));
        assert_eq!(version(lock, "kameo"), None);
    }
}
