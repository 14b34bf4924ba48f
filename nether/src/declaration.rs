//! [`Declaration`], a name and the place in the source that declares it.

use std::fmt;

/// Something declared with an attribute: its name and where it stands. Displayed as `` `name` (file:line) ``.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// The full name: `module_path!()::Type`, or what `name = ".."` says.
    pub name: &'static str,
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line of the attribute, from 1.
    pub line: u32,
    /// The column of the attribute, from 1.
    pub column: u32,
}

impl Declaration {
    /// `file:line`, as terminals and editors link it.
    pub fn place(&self) -> impl fmt::Display {
        std::fmt::from_fn(move |f| write!(f, "{}:{}", self.file, self.line))
    }
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.place())
    }
}
