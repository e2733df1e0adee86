//! Medians, percentiles, and the rate at a recall.

use serde::Serialize;

/// A median with the lowest and the highest round.
#[derive(Clone, Copy, Serialize)]
pub struct Spread {
    /// The median.
    pub middle: f64,
    /// Of the rounds.
    pub lowest: f64,
    /// Of the rounds.
    pub highest: f64,
}

impl Spread {
    /// Of what the rounds gave.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self {
            middle: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            lowest: at(0),
            highest: at(last),
        }
    }
}

/// Milliseconds that half, 95 % and 99 % of the queries did not exceed.
#[derive(Clone, Copy, Serialize)]
pub struct Latency {
    /// Half of the queries took no longer.
    pub p50: f64,
    /// 95 % took no longer.
    pub p95: f64,
    /// 99 % took no longer.
    pub p99: f64,
}

impl Latency {
    /// Of single queries' seconds.
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (seconds.len() * percent).div_ceil(100).max(1) - 1;
            seconds.get(rank).map_or(f64::NAN, |seconds| seconds * 1e3)
        };
        Self {
            p50: at(50),
            p95: at(95),
            p99: at(99),
        }
    }
}

/// A recall with the rate at which it was reached.
#[derive(Clone, Copy)]
pub struct Pair {
    /// The share of the true nearest that were found.
    pub recall: f64,
    /// Queries a second.
    pub rate: f64,
}

/// The pairs that no other beats in both, by rising recall.
fn frontier(mut pairs: Vec<Pair>) -> Vec<Pair> {
    let falling = |a: &Pair, b: &Pair| (b.recall, b.rate).partial_cmp(&(a.recall, a.rate));
    pairs.sort_by(|a, b| falling(a, b).unwrap_or(std::cmp::Ordering::Equal));
    let mut best: Vec<Pair> = Vec::new();
    for pair in pairs {
        if best.last().is_none_or(|last| pair.rate > last.rate) {
            best.push(pair);
        }
    }
    best.reverse();
    best
}

/// The rate at a recall, linear in recall and in the logarithm of the rate between two points.
/// `true` with it: even the cheapest setting finds more, so that it is a lower bound. None where no
/// setting finds as much.
pub fn rate_at(pairs: Vec<Pair>, recall: f64) -> Option<(f64, bool)> {
    let best = frontier(pairs);
    let place = best.iter().position(|pair| pair.recall >= recall)?;
    let above = best[place];
    let Some(below) = place.checked_sub(1).map(|place| best[place]) else {
        return Some((above.rate, above.recall > recall));
    };
    let share = (recall - below.recall) / (above.recall - below.recall);
    let rate = (below.rate.ln() * (1.0 - share) + above.rate.ln() * share).exp();
    Some((rate, false))
}
