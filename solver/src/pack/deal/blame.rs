//! Which rule leaves pods without a domain, for people.

use super::Refusal;
use super::board::{Board, Item, Obstacle};
use super::rules::Rules;
use super::terrain::Terrain;
use crate::Reason;
use std::collections::BTreeMap;

/// At most so many domains are named.
const NAMED: usize = 4;

/// Why no domain of the key takes one more of an item.
pub(super) fn blame(
    board: &mut Board<'_>,
    terrain: &Terrain<'_>,
    key: usize,
    rules: &Rules,
    items: &[Item<'_>],
    index: usize,
) -> Refusal {
    let mut found: BTreeMap<Obstacle, Vec<usize>> = BTreeMap::new();
    for domain in 0..terrain.values[key].len() {
        if let Some(obstacle) = board.obstacle(items, index, domain) {
            found.entry(obstacle).or_default().push(domain);
        }
    }
    let duties = items[index].role;
    let own = duties.spreads.first().map(|rule| Obstacle::Spread(*rule));
    let own = own.or_else(|| duties.aparts.first().map(|rule| Obstacle::Apart(*rule)));
    let own = own.or_else(|| duties.withs.first().map(|(rule, _)| Obstacle::With(*rule)));
    // Where no node of any domain takes the pod, its own rule is what asks for a domain.
    let first = found.keys().next().copied().filter(|obstacle| *obstacle != Obstacle::Closed);
    let obstacle = first.or(own).unwrap_or(Obstacle::Closed);
    let at = found.get(&obstacle).map_or(&[][..], Vec::as_slice);
    let (reason, why) = Teller { board, terrain, key, rules }.tell(obstacle, at);
    Refusal { reason, why, capped: found.contains_key(&Obstacle::Full) }
}

struct Teller<'b> {
    board: &'b Board<'b>,
    terrain: &'b Terrain<'b>,
    key: usize,
    rules: &'b Rules,
}

impl Teller<'_> {
    fn tell(&self, obstacle: Obstacle, at: &[usize]) -> (Reason, String) {
        let name = &self.terrain.keys[self.key];
        let whose = match obstacle {
            Obstacle::SpreadOfOthers(_) | Obstacle::ApartOfOthers(_) => "other pods'",
            _ => "its",
        };
        match obstacle {
            Obstacle::Spread(rule) | Obstacle::SpreadOfOthers(rule) => {
                let why = format!("{whose} topologySpreadConstraints over {name} {}", self.spread(rule, at));
                (Reason::TopologySpread, why)
            }
            Obstacle::Apart(rule) | Obstacle::ApartOfOthers(rule) => {
                let selector = &self.rules.aparts[rule];
                let taken = self.named(at, |_| None);
                let why = format!(
                    "{whose} podAntiAffinity over {name} keeps it apart from {selector}: every domain that holds it is taken ({taken})"
                );
                (Reason::PodAntiAffinity, why)
            }
            Obstacle::With(rule) => {
                let all = &self.rules.withs[rule].selectors;
                let selected = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
                let why =
                    format!("its podAffinity over {name} asks for {selected}, and no domain that holds it has one or gets one");
                (Reason::PodAffinity, why)
            }
            Obstacle::Full | Obstacle::Closed => {
                let closed = self.named(at, |_| None);
                let why = format!("rules about pods over {name} allow it only where limits or nodes leave no room ({closed})");
                (Reason::TopologySpread, why)
            }
        }
    }

    fn spread(&self, rule: usize, at: &[usize]) -> String {
        let one = &self.rules.spreads[rule];
        let count = |domain: usize| Some(self.board.counted(rule, domain));
        let least = one.universe.iter().copied().min_by_key(|domain| self.board.counted(rule, *domain));
        let emptiest = least.map_or_else(|| "no domain counts".to_owned(), |domain| self.named(&[domain], count));
        let full = if at.is_empty() { "none that holds it".to_owned() } else { self.named(at, count) };
        format!(
            "allow maxSkew {} of {}: no domain may take one more. Full: {full}; fewest: {emptiest}",
            one.constraint.max_skew, one.constraint.selector
        )
    }

    /// The first domains, with what is counted there.
    fn named(&self, domains: &[usize], count: impl Fn(usize) -> Option<i64>) -> String {
        let values = &self.terrain.values[self.key];
        let text = |domain: &usize| {
            let value = &values[*domain];
            count(*domain).map_or_else(|| value.to_string(), |count| format!("{value} ({count})"))
        };
        let mut texts: Vec<String> = domains.iter().take(NAMED).map(text).collect();
        if domains.len() > NAMED {
            texts.push(format!("{} more", domains.len() - NAMED));
        }
        texts.join(", ")
    }
}
