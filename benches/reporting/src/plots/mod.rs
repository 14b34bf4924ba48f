//! The two kinds of plots, as SVG files.

mod bars;
mod lines;

use std::error::Error;

pub use plotters::style::RGBColor;

pub use self::bars::{Bar, Bars, bars};
pub use self::lines::{Line, Plot, lines};

/// The error of a drawing.
pub type DrawingFailure = Box<dyn Error + Send + Sync>;

const FONT: &str = "sans-serif";
