//! Bars beside each other, a pair for each contestant, along a logarithmic axis.

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
    let figure = format!("{:.0}", time.median);
    area.draw(&Text::new(figure, (median.max(high) + 6, y), (FONT, 11)))
}

/// From times to places on the axis.
struct Scale {
    /// Where the axis begins: half of the least.
    least: f64,
    /// Pixels for each factor of e.
    step: f64,
}

impl Scale {
    fn of(bars: &[Bar]) -> Self {
        let times = || bars.iter().flat_map(|bar| [bar.multi, bar.current]);
        let least = times().map(|it| it.low).fold(f64::MAX, f64::min) / 2.0;
        let most = times().map(|it| it.high).fold(f64::MIN, f64::max);
        let room = f64::from(WIDTH as i32 - LEFT - 70);
        Scale {
            least,
            step: room / (most / least).ln(),
        }
    }

    fn place(&self, nanos: f64) -> i32 {
        LEFT + ((nanos / self.least).ln() * self.step) as i32
    }
}
