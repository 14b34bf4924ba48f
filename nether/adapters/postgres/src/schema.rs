//! [`Schema`]: the schema of the database in which the tables of a store are.

use std::fmt;
use std::sync::Arc;

use nether::eventstore::StoreError;

use crate::errors::failed;

/// The longest name that PostgreSQL keeps whole, in bytes.
const LONGEST: usize = 63;

/// The name of a schema. It is displayed quoted, as SQL wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    name: Arc<str>,
    quoted: Arc<str>,
}

impl Schema {
    pub(super) fn new(name: &str) -> Result<Self, StoreError> {
        // Bodies of functions, in which the name is, stand between two `$$`.
        if name.is_empty() || name.len() > LONGEST || name.contains(['\0', '$']) {
            return Err(failed(format!(
                "`{}` cannot be the name of a schema: it must have 1 to {LONGEST} bytes, and neither `$` nor NUL in it",
                name.escape_debug()
            )));
        }
        Ok(Schema {
            name: name.into(),
            quoted: format!("\"{}\"", name.replace('"', "\"\"")).into(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A script with the name in the place of `{schema}`.
    pub(super) fn script(&self, script: &str) -> String {
        script.replace("{schema}", &self.quoted)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted)
    }
}
