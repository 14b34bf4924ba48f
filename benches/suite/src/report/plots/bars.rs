//! Bars beside each other, a pair for each contestant. What would dwarf all the others is cut off.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::statistics::Spread;

/// The times of one contestant.
pub(super) struct Bar {
    pub(super) name: &'static str,
    pub(super) multi: Spread,
    pub(super) current: Spread,
}

const WIDTH: u32 = 860;
const ROW: i32 = 32;
const LEFT: i32 = 170;
const TOP: i32 = 60;
const FONT: &str = "sans-serif";
const MULTI: RGBColor = RGBColor(31, 119, 180);
const CURRENT: RGBColor = RGBColor(255, 127, 14);

type Drawn<D> = Result<(), DrawingAreaErrorKind<<D as DrawingBackend>::ErrorType>>;

pub(super) fn bars(
    path: &Path,
    title: &str,
    bars: &[Bar],
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let height = TOP + ROW * bars.len() as i32 + 16;
    let area = SVGBackend::new(path, (WIDTH, height as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_owned(), (12, 10), (FONT, 18)))?;
    let keys = [
        (LEFT, MULTI, "multi-thread"),
        (LEFT + 130, CURRENT, "current_thread"),
    ];
    for (x, color, name) in keys {
        area.draw(&Rectangle::new([(x, 38), (x + 12, 48)], color.filled()))?;
        area.draw(&Text::new(name, (x + 18, 36), (FONT, 13)))?;
    }
    let scale = Scale::of(bars);
    for (place, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * place as i32;
        area.draw(&Text::new(bar.name, (12, y + 7), (FONT, 13)))?;
        one(&area, &scale, y, bar.multi, MULTI)?;
        one(&area, &scale, y + 13, bar.current, CURRENT)?;
    }
    area.present()
}

/// A bar to the median, a line from one quartile to the other, and the figure.
fn one<D: DrawingBackend>(
    area: &DrawingArea<D, Shift>,
    scale: &Scale,
    y: i32,
    time: Spread,
    color: RGBColor,
) -> Drawn<D> {
    let [low, median, high] = [time.low, time.median, time.high].map(|nanos| scale.place(nanos));
    area.draw(&Rectangle::new(
        [(LEFT, y), (median, y + 11)],
        color.filled(),
    ))?;
    area.draw(&PathElement::new([(low, y + 5), (high, y + 5)], BLACK))?;
    let cut = if scale.is_cut(time.median) { "» " } else { "" };
    let figure = format!("{cut}{:.0}", time.median);
    area.draw(&Text::new(figure, (median.max(high) + 6, y), (FONT, 11)))
}

/// From times to places on the axis, which begins at nothing.
struct Scale {
    most: f64,
}

impl Scale {
    /// As long as the longest bar, but not many times as long as the one in the middle.
    fn of(bars: &[Bar]) -> Self {
        let times = || bars.iter().flat_map(|bar| [bar.multi, bar.current]);
        let longest = times().map(|it| it.high).fold(0.0, f64::max);
        let middle = Spread::of(times().map(|it| it.median)).map_or(longest, |it| it.median);
        Scale {
            most: longest.min(3.5 * middle),
        }
    }

    fn place(&self, nanos: f64) -> i32 {
        let room = f64::from(WIDTH as i32 - LEFT - 80);
        LEFT + ((nanos / self.most).min(1.0) * room) as i32
    }

    fn is_cut(&self, nanos: f64) -> bool {
        nanos > self.most
    }
}
