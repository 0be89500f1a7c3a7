//! Charts as SVG without scripts or styles of their own: plotters draws the shapes, we write the text, and the style
//! sheet sets the colors (`.s1`, `.s2`, …), so charts follow the reader's light or dark mode.

use crate::pages::text::shared::chart as wording;
use maud::{Markup, PreEscaped, html};
use plotters::coord::ranged1d::{KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordi64;
use plotters::prelude::{ChartBuilder, IntoDrawingArea, LineSeries, Rectangle, SVGBackend, ShapeStyle};
use plotters::style::{BLACK, Color};

/// The size of the drawing in its own units. It is scaled to the available width.
const WIDTH: u32 = 760;
const HEIGHT: u32 = 240;
/// Room for the figures on the left and the dates below.
const LEFT: u32 = 64;
const BELOW: u32 = 28;
const ABOVE: u32 = 8;
/// Approximate number of marks on the vertical axis.
const MARKS: usize = 5;
/// Maximum number of dates below the horizontal axis.
const DATES: usize = 6;

/// One line, with one figure for each position on the horizontal axis.
pub struct Series<'a> {
    pub title: &'a str,
    pub values: &'a [i64],
}

/// The data of a chart and its description for screen readers.
pub struct Chart<'a> {
    /// A sentence that describes the chart.
    pub title: &'a str,
    /// The label below each position.
    pub places: &'a [String],
    pub series: &'a [Series<'a>],
    /// Formats a figure.
    pub write: &'a dyn Fn(i64) -> String,
}

/// A line chart over time.
pub fn lines(chart: &Chart<'_>) -> Markup {
    drawn(chart, false)
}

/// A bar chart over time, of the first series.
pub fn bars(chart: &Chart<'_>) -> Markup {
    drawn(chart, true)
}

/// One step of a funnel: the share of visitors who reached it, in basis points, and the confidence interval.
pub struct Step<'a> {
    pub title: &'a str,
    /// The rate and its interval.
    pub rate: Option<(i64, i64, i64)>,
    /// The healthy range.
    pub band: Option<(i64, i64)>,
    /// The figures in words.
    pub says: String,
}

/// The height of one step's bar, and of the whole step with its text.
const BAR: u32 = 22;
const ROW: u32 = 78;
/// Where a step's text starts and where the band's text goes below the bar. Leaves room for the large type of a small
/// screen.
const WORDS: u32 = 24;
const BELOW_BAR: u32 = 20;

/// Funnel steps below one another, each on its own scale so that its band fits: the bar is the rate, the thin line the
/// interval, and the shade behind them the band.
pub fn steps(title: &str, steps: &[Step<'_>], percent: &dyn Fn(i64) -> String) -> Markup {
    let height = ROW * u32::try_from(steps.len()).unwrap_or(0);
    html! {
        figure {
            svg.chart.steps viewBox={ "0 0 " (WIDTH) " " (height.max(1)) } role="img" aria-label=(title) {
                @for (n, step) in steps.iter().enumerate() {
                    @let top = u32::try_from(n).unwrap_or(0) * ROW;
                    @let scale = scale(step);
                    text.label x="0" y=(top + WORDS) { (step.title) }
                    text x=(WIDTH) y=(top + WORDS) text-anchor="end" { (step.says) }
                    g transform={ "translate(0 " (top + WORDS + 8) ")" } {
                        title { (step.title) ": " (step.says) }
                        @if let Some(band) = step.band { g.band { (PreEscaped(bar(band, scale, 0, BAR))) } }
                        g.track { (PreEscaped(bar((0, scale), scale, BAR - 1, BAR))) }
                        @if let Some((rate, low, high)) = step.rate {
                            g.s1 { (PreEscaped(bar((0, rate), scale, 5, BAR - 5))) }
                            g.whisker { (PreEscaped(bar((low, high), scale, BAR / 2 - 1, BAR / 2 + 1))) }
                        }
                        @if let Some((from, to)) = step.band {
                            text.small x=(at(place(from, scale))) y=(BAR + BELOW_BAR) { (percent(from)) }
                            text.small x=(at(place(to, scale))) y=(BAR + BELOW_BAR) { (percent(to)) }
                        }
                    }
                }
            }
            figcaption { (wording::STEPS) }
        }
    }
}

/// The figure at the right end of a step.
fn scale(step: &Step<'_>) -> i64 {
    let band = step.band.map_or(0, |(_, to)| to.saturating_mul(3) / 2);
    let rate = step.rate.map_or(0, |(rate, _, high)| rate.max(high));
    band.max(rate).max(1)
}

fn place(figure: i64, scale: i64) -> f64 {
    f64::from(WIDTH) * figure as f64 / scale.max(1) as f64
}

/// A bar from one figure to another, drawn by plotters.
fn bar((from, to): (i64, i64), scale: i64, top: u32, bottom: u32) -> String {
    let mut svg = String::new();
    let mut drawn = || -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, BAR)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area).build_cartesian_2d(0..scale, i64::from(BAR)..0)?;
        let style = ShapeStyle { color: BLACK.to_rgba(), filled: true, stroke_width: 0 };
        let corners = [(from, i64::from(top)), (to, i64::from(bottom))];
        chart.draw_series(std::iter::once(Rectangle::new(corners, style)))?;
        area.present()?;
        Ok(())
    };
    // As in `shapes`, anything that plotters rejects is left out. The text has the figures.
    let _ = drawn();
    let start = svg.find('>').map_or(0, |at| at + 1);
    svg.get(start..).unwrap_or("").replace("</svg>", "")
}

fn drawn(chart: &Chart<'_>, bars: bool) -> Markup {
    let values = chart.series.iter().flat_map(|s| s.values);
    let (low, high) = values.fold((0, 1), |(low, high), v| (low.min(*v), high.max(*v)));
    let count = chart.places.len();
    let marks = marks(low, high);
    let (low, high) = (low.min(*marks.first().unwrap_or(&0)), high.max(*marks.last().unwrap_or(&1)));
    let y = |value: i64| {
        let span = (high - low).max(1) as f64;
        f64::from(HEIGHT - BELOW) - (value - low) as f64 / span * f64::from(HEIGHT - BELOW - ABOVE)
    };
    let step = f64::from(WIDTH - LEFT) / count.max(1) as f64;
    let x = |place: usize| f64::from(LEFT) + step * (place as f64 + 0.5);
    let every = count.div_ceil(DATES).max(1);
    html! {
        figure {
            @if chart.series.len() > 1 {
                ul.legend {
                    @for (n, series) in chart.series.iter().enumerate() {
                        li {
                            svg.chart viewBox="0 0 26 8" aria-hidden="true" { g class={ "s" (n + 1) } { polyline points="0,4 26,4" {} } }
                            (series.title)
                        }
                    }
                }
            }
            svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(chart.title) {
                g.grid {
                    @for mark in &marks { line x1=(LEFT) x2=(WIDTH) y1=(at(y(*mark))) y2=(at(y(*mark))) {} }
                }
                @for mark in &marks {
                    text x=(LEFT - 10) y=(at(y(*mark) + 4.0)) text-anchor="end" { ((chart.write)(*mark)) }
                }
                @for (n, series) in chart.series.iter().enumerate() {
                    g class={ "s" (n + 1) } { (PreEscaped(shapes(series.values, low, high, count, bars))) }
                }
                @for (place, text) in chart.places.iter().enumerate() {
                    @if place % every == 0 { text x=(at(x(place))) y=(HEIGHT - 6) text-anchor="middle" { (text) } }
                    // The tooltip.
                    rect.spot x=(at(x(place) - step / 2.0)) y="0" width=(at(step)) height=(HEIGHT - BELOW) fill="transparent" {
                        title { (said(chart, place)) }
                    }
                }
            }
            details {
                summary { (wording::TABLE) }
                div.table-wrap role="region" aria-label=(chart.title) tabindex="0" {
                    table {
                        caption.hidden { (chart.title) }
                        thead { tr { th scope="col" { (wording::DATE) } @for s in chart.series { th.num scope="col" { (s.title) } } } }
                        tbody {
                            @for (place, text) in chart.places.iter().enumerate() {
                                tr {
                                    td data-label=(wording::DATE) { (text) }
                                    @for s in chart.series {
                                        td.num data-label=(s.title) { ((chart.write)(s.values.get(place).copied().unwrap_or(0))) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn said(chart: &Chart<'_>, place: usize) -> String {
    let figure = |s: &Series| format!("{}: {}", s.title, (chart.write)(s.values.get(place).copied().unwrap_or(0)));
    let figures: Vec<String> = chart.series.iter().map(figure).collect();
    format!("{}. {}", chart.places.get(place).map_or("", String::as_str), figures.join(", "))
}

fn at(place: f64) -> String {
    format!("{place:.1}")
}

/// Round figures from at or below the lowest to above the highest.
fn marks(low: i64, high: i64) -> Vec<i64> {
    struct Hint;
    impl KeyPointHint for Hint {
        fn max_num_points(&self) -> usize {
            MARKS
        }
        fn weight(&self) -> plotters::coord::ranged1d::KeyPointWeight {
            plotters::coord::ranged1d::KeyPointWeight::Any
        }
        fn bold_points(&self) -> usize {
            MARKS
        }
    }
    let mut marks = RangedCoordi64::from(low..high).key_points(Hint);
    if let [.., before, last] = marks[..]
        && last < high
    {
        marks.push(last + (last - before));
    }
    marks
}

/// The shapes of one series, on the whole drawing.
fn shapes(values: &[i64], low: i64, high: i64, count: usize, bars: bool) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail. If plotters rejects a shape, it is left out; the table has the figures.
    let _ = draw(&mut svg, values, low, high, count, bars);
    // Only the shapes: the surrounding frame is ours.
    let start = svg.find('>').map_or(0, |at| at + 1);
    svg.get(start..).unwrap_or("").replace("</svg>", "")
}

fn draw(
    svg: &mut String,
    values: &[i64],
    low: i64,
    high: i64,
    count: usize,
    bars: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let inner = area.margin(ABOVE, BELOW, LEFT, 0);
    // In quarters of a position: a point is in the middle, and a bar takes half the width.
    let width = i64::try_from(count.max(1))? * 4;
    let mut chart = ChartBuilder::on(&inner).build_cartesian_2d(0..width, low..high.max(low + 1))?;
    let style = ShapeStyle { color: BLACK.to_rgba(), filled: bars, stroke_width: 2 };
    let points = (0i64..).zip(values).map(|(place, value)| (place * 4 + 2, *value));
    if bars {
        chart.draw_series(points.map(|(x, y)| Rectangle::new([(x - 1, 0), (x + 1, y)], style)))?;
    } else {
        chart.draw_series(LineSeries::new(points, style))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[i64], bars: bool) -> String {
        let places: Vec<String> = (0..values.len()).map(|n| format!("<day {n}>")).collect();
        let series = [Series { title: "Clicks", values }];
        let chart = Chart { title: "Clicks by day", places: &places, series: &series, write: &|n| n.to_string() };
        if bars { super::bars(&chart).0 } else { lines(&chart).0 }
    }

    #[test]
    fn a_line_is_drawn_with_its_figures() {
        let svg = chart(&[0, 4, 2, 11], false);
        assert!(svg.contains("<polyline") && svg.contains("&lt;day 0&gt;. Clicks: 0"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        let points = svg.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("");
        assert_eq!(points.split_whitespace().count(), 4, "{points}");
        assert!(chart(&[3, 1], true).matches("<rect").count() >= 2);
    }

    #[test]
    fn steps_stand_on_scales_of_their_own() {
        let list = [
            Step { title: "<Visits>", rate: None, band: None, says: "300".to_owned() },
            Step { title: "Lead", rate: Some((67, 18, 240)), band: Some((2_000, 3_500)), says: "2".to_owned() },
        ];
        let svg = steps("The week", &list, &|bps| format!("{} %", bps / 100)).0;
        assert!(svg.contains("&lt;Visits&gt;") && svg.contains("35 %"), "{svg}");
        // Each has a track. Steps with a rate also have a band, a bar and an interval.
        assert_eq!(svg.matches("<rect").count(), 5, "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        assert_eq!(scale(&list[1]), 5_250);
    }

    #[test]
    fn marks_are_round_and_cover() {
        assert_eq!(marks(0, 11).first(), Some(&0));
        for high in [1, 7, 99, 1_234_567] {
            let marks = marks(0, high);
            assert!(marks.len() <= 8 && marks.last().is_some_and(|m| *m >= high), "{high}: {marks:?}");
        }
    }

    #[test]
    fn nothing_and_little_do_not_break() {
        for values in [&[][..], &[0], &[-5, 5], &[i64::MAX / 4]] {
            let _ = (chart(values, false), chart(values, true));
        }
    }
}
