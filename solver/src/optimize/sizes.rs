//! What one of each class takes, as whole rows and as *parts*: only what is above zero. Rules about hosts are dimensions that bind few
//! classes each, so most of a row is nothing, and the inner loops go by parts.

/// What one of a class takes of a dimension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) dimension: usize,
    pub(super) size: i64,
    /// `size` as a floating point number.
    pub(super) weight: f64,
}

/// Sizes by class.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    width: usize,
    rows: Vec<i64>,
    parts: Vec<Part>,
    /// By class: where its parts end.
    ends: Vec<usize>,
}

impl Sizes {
    /// From one row of `width` after the other, a row per class.
    pub(super) fn new(width: usize, rows: Vec<i64>) -> Self {
        let (mut parts, mut ends) = (Vec::new(), Vec::new());
        for row in rows.chunks(width.max(1)) {
            let part = |(dimension, size): (usize, &i64)| Part { dimension, size: *size, weight: *size as f64 };
            parts.extend(row.iter().enumerate().filter(|(_, size)| **size > 0).map(part));
            ends.push(parts.len());
        }
        Self { width, rows, parts, ends }
    }

    pub(super) fn row(&self, class: usize) -> &[i64] {
        &self.rows[class * self.width..(class + 1) * self.width]
    }

    pub(super) fn parts(&self, class: usize) -> &[Part] {
        let start = if class == 0 { 0 } else { self.ends[class - 1] };
        &self.parts[start..self.ends[class]]
    }
}

/// What one costs at `prices` per unit.
pub(super) fn charge(parts: &[Part], prices: &[f64]) -> f64 {
    parts.iter().map(|part| part.weight * prices[part.dimension]).sum()
}

/// How many go into `room`, `most` at most.
pub(super) fn times(parts: &[Part], room: &[i64], most: u32) -> u32 {
    let mut times = i64::from(most);
    for part in parts {
        let room = room[part.dimension];
        if part.size > room {
            return 0;
        }
        if part.size.saturating_mul(times) > room {
            times = room / part.size;
        }
    }
    u32::try_from(times).unwrap_or(0)
}

/// Takes so many out of `room`; below zero puts them back.
pub(super) fn take(parts: &[Part], room: &mut [i64], count: i64) {
    for part in parts {
        room[part.dimension] -= part.size * count;
    }
}
