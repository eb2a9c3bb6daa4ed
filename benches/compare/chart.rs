//! Cost and time against pods, drawn to docs/benchmarks.svg.

use super::measure::Row;
use super::workload::mix::REAL_KARPENTER;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use std::path::Path;

const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb2);
const ALGORITHM: RGBColor = RGBColor(0xd9, 0x82, 0x1b);
const REAL: RGBColor = RGBColor(0x9b, 0x2d, 0x30);
const SIZE: (u32, u32) = (960, 420);

/// A named curve.
type Curve = (&'static str, RGBColor, Vec<(f64, f64)>);

#[allow(clippy::cast_precision_loss)]
fn curve(rows: &[Row], value: impl Fn(&Row) -> f64) -> Vec<(f64, f64)> {
    rows.iter().filter(|row| row.pods >= 50).map(|row| (row.pods as f64, value(row))).collect()
}

/// Draws the mix in all its sizes.
pub(crate) fn write(rows: &[Row]) {
    if rows.iter().filter(|row| row.pods >= 50).count() < 2 {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.svg");
    let canvas = SVGBackend::new(&path, SIZE).into_drawing_area();
    canvas.fill(&WHITE).unwrap();
    let (left, right) = canvas.split_horizontally(SIZE.0 / 2);
    let bound = |row: &Row| row.bound.dollars().max(1e-9);
    let costs = [
        ("Karpenter's algorithm", ALGORITHM, curve(rows, |row| row.karpenter.cost.dollars() / bound(row))),
        ("Windlass", OURS, curve(rows, |row| row.ours.cost.dollars() / bound(row))),
    ];
    let most = costs.iter().flat_map(|(_, _, points)| points).map(|point| point.1).fold(1.5, f64::max);
    draw(&left, "Cost, as a multiple of the lower bound", 0.9..most + 0.1, &costs);
    #[allow(clippy::cast_precision_loss)]
    let real = REAL_KARPENTER.iter().map(|run| (run.pods as f64, run.seconds)).collect();
    let times = [
        ("Karpenter", REAL, real),
        ("its algorithm, written anew", ALGORITHM, curve(rows, |row| row.karpenter.time.as_secs_f64())),
        ("Windlass", OURS, curve(rows, |row| row.ours.time.as_secs_f64())),
    ];
    draw(&right, "Time in seconds", (0.0005..200.0_f64).log_scale(), &times);
    canvas.present().unwrap();
}

fn draw<Y>(area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, title: &str, values: Y, curves: &[Curve])
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d((40.0..30_000.0_f64).log_scale(), values)
        .unwrap();
    chart.configure_mesh().x_desc("pods").light_line_style(WHITE).label_style(("sans-serif", 12)).draw().unwrap();
    for (name, colour, points) in curves {
        let line = chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3)).unwrap();
        let colour = *colour;
        line.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .label_font(("sans-serif", 13))
        .draw()
        .unwrap();
}
