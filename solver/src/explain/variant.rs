//! The values that matter for a pool's open labels: one representative for each way to answer all requirements about a key.

use crate::{DaemonSet, Labels, NodePool, Operator, PodShape, Requirement, label};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most combinations looked at per pool. Only a pool with a dozen open labels that pods and daemonsets tell apart has more.
const MOST: usize = 4096;

/// Combinations of open labels of `pool` that `shapes` and daemonsets can tell apart; one without labels where nothing is open.
pub(super) fn variants(pool: &NodePool, shapes: &[&PodShape], daemon_sets: &[DaemonSet]) -> Vec<Labels> {
    let mut all = vec![Labels::new()];
    for requirement in pool.requirements.iter() {
        let key = requirement.key();
        if label::is_well_known(key) || pool.labels.contains_key(key) {
            continue;
        }
        let asked: Vec<&Requirement> = shapes
            .iter()
            .copied()
            .chain(daemon_sets.iter().map(|daemon| &*daemon.shape))
            .flat_map(PodShape::requirements)
            .filter(|asked| asked.key() == key)
            .collect();
        // A value counts for `minValues`, no value does not.
        let exists = Requirement::new(key, Operator::Exists, &[""; 0]).ok();
        let counted = exists.iter().filter(|_| pool.min_values.iter().any(|one| &*one.key == key));
        let asked: Vec<&Requirement> = asked.into_iter().chain(counted).collect();
        let choices = choices(requirement, &asked);
        if choices.is_empty() {
            // Nothing satisfies the requirement: it fails on every node without our help.
            continue;
        }
        all.truncate((MOST / choices.len()).max(1));
        all = all.iter().flat_map(|labels| choices.iter().map(|choice| with(labels, key, choice.as_ref()))).collect();
    }
    all
}

fn with(labels: &Labels, key: &str, value: Option<&Arc<str>>) -> Labels {
    let mut labels = labels.clone();
    if let Some(value) = value {
        labels.insert(Arc::from(key), value.clone());
    }
    labels
}

/// Values that `open` allows (`None`: no label), the first of each class that the requirements in `asked` do not tell apart.
fn choices(open: &Requirement, asked: &[&Requirement]) -> Vec<Option<Arc<str>>> {
    let named: BTreeSet<&Arc<str>> = asked.iter().copied().chain([open]).flat_map(Requirement::named_values).collect();
    let mut values: Vec<Option<Arc<str>>> = vec![unnamed("any", &named).into()];
    for (low, high) in asked.iter().copied().chain([open]).map(Requirement::bounds) {
        let starts = [low, high.and_then(|high| high.checked_add(1))].into_iter().flatten();
        values.extend(starts.filter_map(|start| first_unnamed(start, 1, &named)).map(Some));
        let ends = [high, low.and_then(|low| low.checked_sub(1))].into_iter().flatten();
        values.extend(ends.filter_map(|end| first_unnamed(end, -1, &named)).map(Some));
    }
    values.extend(named.iter().map(|value| Some((*value).clone())));
    values.push(None);
    let mut classes: BTreeMap<Vec<bool>, Option<Arc<str>>> = BTreeMap::new();
    for value in values.into_iter().filter(|value| open.allows(value.as_deref())) {
        let answers = asked.iter().map(|requirement| requirement.allows(value.as_deref())).collect();
        classes.entry(answers).or_insert(value);
    }
    classes.into_values().collect()
}

fn unnamed(stem: &str, named: &BTreeSet<&Arc<str>>) -> Arc<str> {
    let mut text = stem.to_owned();
    while named.iter().any(|value| ***value == *text) {
        text.push('x');
    }
    text.into()
}

fn first_unnamed(start: i64, step: i64, named: &BTreeSet<&Arc<str>>) -> Option<Arc<str>> {
    let mut number = start;
    loop {
        let text: Arc<str> = number.to_string().into();
        if !named.contains(&text) {
            return Some(text);
        }
        number = number.checked_add(step)?;
    }
}
