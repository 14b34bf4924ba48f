//! Lines over a size, both axes logarithmic.

use std::path::Path;

use plotters::prelude::*;

/// What is drawn.
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) across: &'static str,
    pub(super) up: &'static str,
    pub(super) lines: Vec<Line>,
}

/// One of the lines: points of size and cost, at least one.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) color: RGBColor,
    pub(super) points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (860, 480);
const FONT: &str = "sans-serif";

pub(super) fn lines(path: &Path, plot: &Plot) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    // The legend stands beside the plot, where it hides no line.
    let (left, right) = area.split_horizontally(SIZE.0 - 190);
    let (x, y) = (range(plot, |point| point.0), range(plot, |point| point.1));
    let mut chart = ChartBuilder::on(&left)
        .caption(&plot.title, (FONT, 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (x.0..x.1 * 1.05).log_scale(),
            (y.0 / 1.4..y.1 * 1.4).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(plot.across)
        .y_desc(plot.up)
        .light_line_style(WHITE)
        .draw()?;
    // The first is drawn last, over the others.
    for line in plot.lines.iter().rev() {
        let style = line.style();
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        chart.draw_series(
            line.points
                .iter()
                .map(|&point| Circle::new(point, 3, style.color.filled())),
        )?;
    }
    legend(&right, &plot.lines)?;
    area.present()
}

fn legend<D: DrawingBackend>(
    area: &DrawingArea<D, plotters::coord::Shift>,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<D::ErrorType>> {
    for (place, line) in lines.iter().enumerate() {
        let y = 50 + 20 * place as i32;
        area.draw(&PathElement::new([(4, y), (28, y)], line.style()))?;
        area.draw(&Text::new(line.name, (34, y - 6), (FONT, 13)))?;
    }
    Ok(())
}

impl Line {
    fn style(&self) -> ShapeStyle {
        let width = if self.name == "nether" { 4 } else { 2 };
        self.color.stroke_width(width)
    }
}

fn range(plot: &Plot, of: fn(&(f64, f64)) -> f64) -> (f64, f64) {
    let values = plot
        .lines
        .iter()
        .flat_map(|line| line.points.iter().map(of));
    values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}
