//! From samples to figures: the table that is printed and `summary.json`.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::{Map, Value as Json};

use crate::Outcome;

mod figures;
mod samples;

use figures::{Figure, Goal, figures};
use samples::Samples;

/// Reads the samples, prints the table behind the text of file `machine`, and writes `table.md`
/// and `summary.json` into `folder`.
pub(crate) fn write(samples: &str, machine: &str, folder: &str) -> Outcome {
    let samples = Samples::parse(&fs::read_to_string(samples)?)?;
    let machine = fs::read_to_string(machine)?;
    let rows: Vec<Row> = figures()
        .iter()
        .filter_map(|f| Row::new(f, &samples))
        .collect();
    let table = format!("{machine}\n{}", table(&rows));
    print!("{table}");
    let folder = Path::new(folder);
    fs::write(folder.join("table.md"), table)?;
    let mut summary = summary(&rows, &samples);
    // The sizes of programs are measured by `make size`, which takes no quiet machine.
    if let Ok(sizes) = fs::read_to_string(folder.join("size.json")) {
        summary.extend(serde_json::from_str::<Map<String, Json>>(&sizes)?);
    }
    let summary = serde_json::to_string_pretty(&summary)?;
    fs::write(folder.join("summary.json"), summary + "\n")?;
    Ok(())
}

/// One figure with what was measured for it.
struct Row {
    name: String,
    ours: String,
    peers: String,
    value: Option<f64>,
    goal: Goal,
}

impl Row {
    /// Nothing if neither ours nor any peer was measured.
    fn new(figure: &Figure, samples: &Samples) -> Option<Self> {
        let mut ours = "not built yet".to_owned();
        let mut peers = Vec::new();
        for (who, median) in samples.medians(&figure.group) {
            match who {
                "ours" => ours = plain(median),
                _ => peers.push(format!("{who} {}", plain(median))),
            }
        }
        let value = figure.value(samples);
        (value.is_some() || !peers.is_empty()).then(|| Self {
            name: figure.name.clone(),
            ours,
            peers: peers.join(", "),
            value,
            goal: figure.goal,
        })
    }

    fn cells(&self) -> [String; 6] {
        let verdict = match (self.value, self.goal) {
            (None, _) | (_, Goal::None) => "",
            (Some(value), goal) if goal.is_met(value) => "met",
            _ => "**missed**",
        };
        [
            self.name.clone(),
            self.ours.clone(),
            self.peers.clone(),
            self.value.map_or_else(String::new, plain),
            self.goal.to_string(),
            verdict.to_owned(),
        ]
    }
}

/// A number with as many places as it deserves.
fn plain(number: f64) -> String {
    match number.abs() {
        size if size >= 1000.0 => format!("{number:.0}"),
        size if size >= 20.0 || number.fract() == 0.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}

/// A Markdown table whose columns are aligned for a terminal too.
fn table(rows: &[Row]) -> String {
    let head = ["figure", "ours", "peers", "value", "goal", "verdict"].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(head)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let mut widths = [0; 6];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (at, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if at == 0 {
            for width in widths {
                let _ = write!(text, "| {} ", "-".repeat(width.max(3)));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// The named figures, then the median of everything that was measured as `<group>_<who>`.
fn summary(rows: &[Row], samples: &Samples) -> Map<String, Json> {
    let named = rows
        .iter()
        .filter_map(|row| Some((row.name.clone(), row.value?)));
    let measured = samples.all_medians();
    let rounded = |number: f64| Json::from((number * 1e4).round() / 1e4);
    measured
        .chain(named)
        .map(|(name, number)| (name, rounded(number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "call_one_core_p50_us.raw 40\ncall_one_core_p50_us.ours 42\n\
                        call_one_core_p50_us.raw 50\ncall_one_core_p50_us.ours 51\n\
                        call_one_core_p50_us.raw 60\ncall_one_core_p50_us.ours 69\n\
                        decode_bulk_ir.hiredis 905\n";

    fn rows(samples: &Samples) -> Vec<Row> {
        figures()
            .iter()
            .filter_map(|f| Row::new(f, samples))
            .collect()
    }

    #[test]
    fn a_figure_whose_part_is_not_built_is_absent_from_the_summary_but_its_peers_are_shown() {
        let Ok(samples) = Samples::parse(TEXT) else {
            panic!("these are samples");
        };
        let rows = rows(&samples);
        let summary = summary(&rows, &samples);
        assert!(!summary.contains_key("decode_bulk_ir"));
        assert_eq!(summary["decode_bulk_ir_hiredis"], 905.0);
        assert!(table(&rows).contains("hiredis 905.0"));
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_each_round() {
        let Ok(samples) = Samples::parse(TEXT) else {
            panic!("these are samples");
        };
        let rows = rows(&samples);
        let row = rows.iter().find(|row| row.name == "call_one_core_vs_raw");
        let row = row.expect("the figure is there");
        assert_eq!(row.value, Some(1.05));
        assert_eq!(row.cells()[5], "met");
    }
}
