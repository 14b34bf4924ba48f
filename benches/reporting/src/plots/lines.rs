//! Lines over a size, both axes logarithmic.

use std::path::Path;

use plotters::prelude::*;

use crate::plots::{DrawingFailure, FONT};

/// A plot of lines over one axis.
pub struct Plot {
    pub title: String,
    pub across: &'static str,
    pub up: &'static str,
    pub lines: Vec<Line>,
}

/// One of the lines: points of size and cost, at least one.
pub struct Line {
    pub name: &'static str,
    pub color: RGBColor,
    pub points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (860, 480);

/// Draws them into a file. The line that is called `nether` is thicker than the others.
///
/// # Errors
/// If the file cannot be written.
pub fn lines(path: &Path, plot: &Plot) -> Result<(), DrawingFailure> {
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
    area.present()?;
    Ok(())
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
