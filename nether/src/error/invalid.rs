//! [`Violations`]: what is wrong with a message, and [`Invalid`]: the message that was refused because of it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// All rules that a message breaks: what a function of `validate = ..` gives back. It keeps the first
/// [`MAX`](Violations::MAX), and counts the others.
///
/// ```
/// use nether::Violations;
/// use nether::prelude::*;
///
/// #[command(validate = Self::check)]
/// pub struct PlaceOrder {
///     customer: String,
///     items: Vec<u64>,
/// }
///
/// impl PlaceOrder {
///     fn check(&self) -> Result<(), Violations> {
///         let mut violations = Violations::new();
///         if self.customer.is_empty() {
///             violations.add("customer", "must not be empty");
///         }
///         if self.items.len() > 100 {
///             violations.add("items", "must be at most 100");
///         }
///         violations.into_result()
///     }
/// }
/// # struct Desk;
/// # #[module(handles = PlaceOrder, manual)]
/// # impl Desk { async fn place(&mut self, _: PlaceOrder) -> nether::Result<()> { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// # let _desk = system.attach(Desk).await?;
/// # let ctx = system.context();
/// let refused = ctx.send(PlaceOrder { customer: String::new(), items: vec![] }).await;
/// let Err(CallError::Invalid(invalid)) = refused else { panic!("it is refused") };
/// assert_eq!(invalid.violations.to_string(), "`customer`: must not be empty");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    /// How many there are besides.
    more: usize,
}

/// A rule that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The path of the field: `items[2].count`. Empty if the message as a whole breaks the rule.
    pub field: String,
    /// The problem, in words for the sender of the message.
    pub detail: String,
}

/// A message that was refused because it breaks its own rules, see [`#[command]`](macro@crate::command).
#[derive(Debug, Clone)]
pub struct Invalid {
    /// The message's name.
    pub message: &'static str,
    /// The rules that it breaks.
    pub violations: Violations,
}

impl Violations {
    /// How many are kept. A message comes from outside, and may break a rule with each item of a list: all of
    /// them would take more memory than the message.
    pub const MAX: usize = 64;

    /// None.
    pub fn new() -> Self {
        Violations::default()
    }

    /// Adds one. `field` is the path of the field, or empty if the message as a whole breaks the rule.
    pub fn add(&mut self, field: impl Into<String>, detail: impl Into<Cow<'static, str>>) {
        if self.kept.len() == Self::MAX {
            self.more += 1;
            return;
        }
        self.kept.push(Violation {
            field: field.into(),
            detail: detail.into().into_owned(),
        });
    }

    /// The violations that are kept, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.kept.iter()
    }

    /// How many there are, with those that are not kept.
    pub fn count(&self) -> usize {
        self.kept.len() + self.more
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// `Ok` if there are none.
    ///
    /// # Errors
    /// The violations, if there are any.
    pub fn into_result(self) -> Result<(), Self> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(feature = "garde")]
impl From<garde::Report> for Violations {
    fn from(report: garde::Report) -> Self {
        let all = report.into_inner();
        let kept = all.iter().take(Self::MAX).map(|(path, error)| Violation {
            field: path.to_string(),
            detail: error.message().to_owned(),
        });
        Violations {
            kept: kept.collect(),
            more: all.len().saturating_sub(Self::MAX),
        }
    }
}

/// How many violations a text has: messages come from outside, and what is wrong with one is logged in one
/// line.
const MOST_SHOWN: usize = 16;

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.iter().take(MOST_SHOWN).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        match self.count().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl StdError for Violations {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.is_empty() {
            true => f.write_str(&self.detail),
            false => write!(f, "`{}`: {}", self.field, self.detail),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not valid: {}", self.message, self.violations)
    }
}

impl StdError for Invalid {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.violations)
    }
}

#[cfg(test)]
mod tests {
    use super::Violations;

    #[test]
    fn a_text_has_a_few_violations_and_the_number_of_the_others() {
        let mut violations = Violations::new();
        for index in 0..16 {
            violations.add(format!("items[{index}]"), "must be odd");
        }
        let few = violations.to_string();
        assert!(few.ends_with("`items[15]`: must be odd"), "{few}");
        for index in 16..1000 {
            violations.add(format!("items[{index}]"), "must be odd");
        }
        assert_eq!(violations.to_string(), few + "; and 984 more");
    }

    #[test]
    fn the_first_violations_are_kept_and_the_others_counted() {
        let mut violations = Violations::new();
        for index in 0..1000 {
            violations.add(format!("items[{index}]"), "must be odd");
        }
        assert_eq!(violations.iter().count(), Violations::MAX);
        assert_eq!(violations.iter().last().unwrap().field, "items[63]");
        assert_eq!(violations.count(), 1000);
    }

    #[cfg(feature = "garde")]
    #[test]
    fn of_a_long_report_the_first_violations_are_kept_and_the_others_counted() {
        let mut report = garde::Report::new();
        for index in 0..1000 {
            report.append(garde::Path::new(index), garde::Error::new("must be odd"));
        }
        let violations = Violations::from(report);
        assert_eq!(violations.iter().count(), Violations::MAX);
        assert_eq!(violations.count(), 1000);
    }
}
