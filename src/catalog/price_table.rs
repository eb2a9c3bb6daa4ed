//! The CSV tables that a catalogue is built from: on-demand prices, the spot advisor, branch interfaces.
//!
//! Plain CSV: a header line with exactly the columns named here, no quoting (no value needs it). Errors name file and line.

use super::capacity::ceiling;
use super::error::CatalogError;
use std::collections::BTreeMap;
use std::path::Path;
use windlass_solver::MicroUsd;

/// What the spot advisor says of a type in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// How much cheaper spot is than on demand, in whole percent, 0 to 100.
    pub savings_percent: u8,
    /// How often capacity is taken back in a month: `<5%`, `5-10%`, `10-15%`, `15-20%`, `>20%`.
    pub interruption: String,
}

impl Advice {
    /// The spot price that these savings make of an on-demand price, rounded up to the next micro dollar. An estimate: the advisor
    /// averages over a month and all zones. Savings of 0 % give the on-demand price; of 100 % no price, since nothing is free.
    pub fn spot_price(&self, on_demand: MicroUsd) -> Option<MicroUsd> {
        let kept = 100_i64.checked_sub(self.savings_percent.into()).filter(|percent| *percent > 0)?;
        Some(MicroUsd(ceiling(on_demand.0, kept, 100)))
    }
}

/// Reads `instance_type,usd_per_hour`.
pub fn on_demand(path: &Path) -> Result<BTreeMap<String, MicroUsd>, CatalogError> {
    let file = path.display().to_string();
    let price = |[name, price]: [&str; 2]| {
        let read = MicroUsd::parse_dollars(price).filter(|price| *price > MicroUsd::ZERO);
        let read = read.ok_or_else(|| format!("usd_per_hour is {price:?}, expected a plain decimal above zero such as 0.096"))?;
        Ok(Some((name.to_owned(), read)))
    };
    rows(&file, &text(path)?, ["instance_type", "usd_per_hour"], price)
}

/// Reads `region,instance_type,savings_percent,interruption_band`, the rows of one region.
pub fn spot_advisor(path: &Path, region: &str) -> Result<BTreeMap<String, Advice>, CatalogError> {
    let file = path.display().to_string();
    let columns = ["region", "instance_type", "savings_percent", "interruption_band"];
    let advice = |[of_region, name, savings, band]: [&str; 4]| {
        let savings_percent = savings.parse().ok().filter(|percent| *percent <= 100);
        let savings_percent = savings_percent.ok_or_else(|| format!("savings_percent is {savings:?}, expected 0 to 100"))?;
        let advice = Advice { savings_percent, interruption: band.to_owned() };
        Ok((of_region == region).then(|| (name.to_owned(), advice)))
    };
    rows(&file, &text(path)?, columns, advice)
}

/// Reads `instance_type,branch_interfaces`.
pub fn branch_interfaces(path: &Path) -> Result<BTreeMap<String, u32>, CatalogError> {
    let file = path.display().to_string();
    let limit = |[name, count]: [&str; 2]| {
        let read = count.parse().map_err(|_| format!("branch_interfaces is {count:?}, expected a whole number"))?;
        Ok(Some((name.to_owned(), read)))
    };
    rows(&file, &text(path)?, ["instance_type", "branch_interfaces"], limit)
}

fn text(path: &Path) -> Result<String, CatalogError> {
    std::fs::read_to_string(path).map_err(|source| CatalogError::Read { path: path.to_owned(), source })
}

/// Reads the rows that `read` keeps, by name; blank lines are skipped.
fn rows<const N: usize, T>(
    file: &str,
    text: &str,
    columns: [&str; N],
    read: impl Fn([&str; N]) -> Result<Option<(String, T)>, String>,
) -> Result<BTreeMap<String, T>, CatalogError> {
    let refused = |index: usize, why: String| CatalogError::Row { file: file.to_owned(), line: index + 1, why };
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header = lines.next().map_or("", |(_, line)| line.trim());
    if header != columns.join(",") {
        return Err(refused(0, format!("the header is {header:?}, expected {:?}", columns.join(","))));
    }
    let mut all = BTreeMap::new();
    for (index, line) in lines {
        let values: Vec<&str> = line.split(',').map(str::trim).collect();
        let count = values.len();
        let values: [&str; N] = values
            .try_into()
            .map_err(|_| refused(index, format!("{count} columns, expected the {N} of {}", columns.join(","))))?;
        if values.iter().any(|value| value.is_empty()) {
            return Err(refused(index, "a column is empty".to_owned()));
        }
        if let Some((name, value)) = read(values).map_err(|why| refused(index, why))? {
            if all.contains_key(&name) {
                return Err(refused(index, format!("{name} stands in the table twice")));
            }
            all.insert(name, value);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
