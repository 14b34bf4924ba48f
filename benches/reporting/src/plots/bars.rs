//! Bars beside each other, one or several for each contestant.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::plots::{DrawingFailure, FONT};
use crate::statistics::Spread;

/// A plot of bars: a group for each contestant, a bar for each key.
pub struct Bars<'a> {
    pub title: &'a str,
    /// The names and colours of the bars that each contestant has.
    pub keys: &'a [(&'a str, RGBColor)],
    pub bars: Vec<Bar<'a>>,
    /// Makes a figure of a value.
    pub figure: fn(f64) -> String,
    /// Whether a bar that would dwarf all the others is cut off.
    pub is_cut: bool,
}

/// The values of one contestant, one for each key; `None` where there is none.
pub struct Bar<'a> {
    pub name: &'a str,
    pub values: Vec<Option<Spread>>,
}

const WIDTH: u32 = 860;
/// From a bar to the next one of the same contestant.
const STEP: i32 = 13;
const LEFT: i32 = 170;
const TOP: i32 = 60;

type Drawn<D> = Result<(), DrawingAreaErrorKind<<D as DrawingBackend>::ErrorType>>;

/// Draws them into a file.
///
/// # Errors
/// If the file cannot be written.
pub fn bars(path: &Path, drawn: &Bars<'_>) -> Result<(), DrawingFailure> {
    let row = STEP * drawn.keys.len() as i32 + 6;
    let height = TOP + row * drawn.bars.len() as i32 + 16;
    let area = SVGBackend::new(path, (WIDTH, height as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(drawn.title.to_owned(), (12, 10), (FONT, 18)))?;
    for (place, (name, color)) in drawn.keys.iter().enumerate() {
        let x = LEFT + 130 * place as i32;
        area.draw(&Rectangle::new([(x, 38), (x + 12, 48)], color.filled()))?;
        area.draw(&Text::new(*name, (x + 18, 36), (FONT, 13)))?;
    }
    let scale = Scale::of(drawn);
    for (place, bar) in drawn.bars.iter().enumerate() {
        let y = TOP + row * place as i32;
        let middle = y + (STEP * drawn.keys.len() as i32 - STEP) / 2 + 1;
        area.draw(&Text::new(bar.name, (12, middle), (FONT, 13)))?;
        for (place, (value, (_, color))) in bar.values.iter().zip(drawn.keys).enumerate() {
            let y = y + STEP * place as i32;
            if let Some(value) = value {
                one(&area, &scale, y, *value, *color, drawn.figure)?;
            }
        }
    }
    area.present()?;
    Ok(())
}

/// A bar to the median, a line from one quartile to the other, and the figure.
fn one<D: DrawingBackend>(
    area: &DrawingArea<D, Shift>,
    scale: &Scale,
    y: i32,
    value: Spread,
    color: RGBColor,
    figure: fn(f64) -> String,
) -> Drawn<D> {
    let [low, median, high] = [value.low, value.median, value.high].map(|value| scale.place(value));
    area.draw(&Rectangle::new(
        [(LEFT, y), (median, y + 11)],
        color.filled(),
    ))?;
    area.draw(&PathElement::new([(low, y + 5), (high, y + 5)], BLACK))?;
    let cut = if scale.is_cut(value.median) {
        "» "
    } else {
        ""
    };
    let figure = format!("{cut}{}", figure(value.median));
    area.draw(&Text::new(figure, (median.max(high) + 6, y), (FONT, 11)))
}

/// From values to places on the axis, which begins at nothing.
struct Scale {
    most: f64,
}

impl Scale {
    /// As long as the longest bar; if it may be cut, not many times as long as the one in the middle.
    fn of(drawn: &Bars<'_>) -> Self {
        let bars = || drawn.bars.iter();
        let values = || bars().flat_map(|bar| bar.values.iter().flatten());
        let longest = values().map(|it| it.high).fold(0.0, f64::max);
        let middle = Spread::of(values().map(|it| it.median)).map_or(longest, |it| it.median);
        let most = if drawn.is_cut {
            longest.min(3.5 * middle)
        } else {
            longest
        };
        Scale { most }
    }

    fn place(&self, value: f64) -> i32 {
        let room = f64::from(WIDTH as i32 - LEFT - 80);
        LEFT + ((value / self.most).min(1.0) * room) as i32
    }

    fn is_cut(&self, value: f64) -> bool {
        value > self.most
    }
}
