//! [`Tables`]: the names of the tables of a projection that is rebuilt beside them.

use std::fmt;

/// The separator between the name of a table and its generation.
const SEPARATOR: &str = "__";

/// The longest name. With its generation, it is no longer than the 63 bytes that every database has for a
/// name.
const LONGEST: usize = 50;

/// The names of the tables of a projection, for a projection that is [rebuilt beside
/// them](macro@crate::projection#rebuilt-beside-its-tables): `#[init]` takes it by value.
///
/// Each rebuild fills tables with other names, and so a value of the projection belongs to the tables that
/// `#[init]` has named for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tables {
    generation: u32,
    version: u32,
}

impl Tables {
    pub(super) fn new(generation: u32, version: u32) -> Self {
        Tables {
            generation,
            version,
        }
    }

    /// Returns the name of a table: `sales` before the first rebuild, then `sales__1`, `sales__2` and so on.
    /// Name every table, index and view of the projection by it.
    ///
    /// # Panics
    /// If `table` is not a name that needs no quotes: a letter or `_`, then letters, digits and `_`, of
    /// ASCII, at most 50 of them and no two `_` in a row; or if it begins with `nether_`, like the tables of
    /// a store.
    pub fn name(&self, table: &str) -> String {
        if let Some(why) = refusal(table) {
            panic!("`{table}` cannot be the name of a table of a projection: {why}");
        }
        match self.generation {
            0 => table.to_owned(),
            later => format!("{table}{SEPARATOR}{later}"),
        }
    }

    /// Returns the `version` of the projection that has filled the tables. While a newer version of the
    /// program fills others, its queries read the tables of the one before.
    pub fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }
}

/// Why that cannot be the name of a table.
fn refusal(table: &str) -> Option<&'static str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if table.is_empty() || table.starts_with(|first: char| first.is_ascii_digit()) {
        return Some("a name begins with a letter or `_`");
    }
    if !table.chars().all(is_word) {
        return Some("a name has letters, digits and `_` alone, of ASCII");
    }
    if table.contains(SEPARATOR) {
        return Some("`__` separates the name of a table from its generation");
    }
    if table.len() > LONGEST {
        return Some("it is longer than 50 letters");
    }
    let is_of_store = table
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("nether_"));
    is_of_store.then_some("names that begin with `nether_` are the store's")
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables")
            .field("generation", &self.generation)
            .field("version", &self.version)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::Tables;

    #[test]
    fn each_generation_names_its_tables_differently_and_the_first_one_plainly() {
        assert_eq!(Tables::new(0, 1).name("sales"), "sales");
        assert_eq!(Tables::new(1, 1).name("sales"), "sales__1");
        assert_eq!(Tables::new(12, 3).name("_by_Day2"), "_by_Day2__12");
    }

    #[test]
    fn what_is_no_plain_name_is_refused_in_every_generation() {
        let long = "a".repeat(51);
        let refused = [
            "",
            "1st",
            "a b",
            "a;b",
            "a\"b",
            "a.b",
            "größe",
            "sales__1",
            "a__b",
            "nether_a",
            "Nether_events",
            &long,
        ];
        for table in refused {
            for generation in [0, 1] {
                let named = catch_unwind(|| Tables::new(generation, 1).name(table));
                assert!(named.is_err(), "{table}: {named:?}");
            }
        }
        let longest = "a".repeat(50);
        assert_eq!(Tables::new(u32::MAX, 1).name(&longest).len(), 62);
    }
}
