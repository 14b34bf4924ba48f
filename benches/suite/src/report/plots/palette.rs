//! A colour for each contestant, the same in all plots: hues for crates, shades for their configurations.

use reporting::plots::RGBColor;

const COLORS: [(&str, RGBColor); 14] = [
    ("nether", RGBColor(214, 39, 40)),
    ("mpsc", RGBColor(20, 20, 20)),
    ("mpsc-many", RGBColor(105, 105, 105)),
    ("mpsc-unbounded", RGBColor(165, 165, 165)),
    ("broadcast", RGBColor(0, 150, 150)),
    ("kameo", RGBColor(31, 119, 180)),
    ("kameo-unbounded", RGBColor(120, 175, 230)),
    ("ractor", RGBColor(30, 140, 30)),
    ("ractor-port", RGBColor(130, 200, 110)),
    ("actix", RGBColor(235, 110, 0)),
    ("actix-1024", RGBColor(250, 175, 90)),
    ("xtra", RGBColor(128, 80, 175)),
    ("xtra-bounded", RGBColor(190, 155, 220)),
    ("coerce", RGBColor(120, 70, 55)),
];

/// Brown for a contestant that has none yet.
pub(super) fn color(contestant: &str) -> RGBColor {
    COLORS
        .iter()
        .find(|(name, _)| *name == contestant)
        .map_or(RGBColor(160, 120, 0), |(_, color)| *color)
}
