//! Preferences: insisted on as if they were required, and given up one by one.
//!
//! ```text
//! all insisted on ─▶ first plan, without search ─▶ pods without a place? ─no─▶ one plan with search
//!        ▲                                              │ yes
//!        └──── each of them gives up one more ◀─────────┘
//! ```
//!
//! Rules of what is insisted on look past pods that gave up the same: those come last and take what is left. When pods are left that
//! have nothing to give up, and would have a place if nobody insisted on anything, others give way: first those who insist on rules
//! about them, then everybody. So a preference leaves no pod without a place.

use super::deal::Dealer;
use super::joining::is_hopeless;
use super::problem::Problem;
use super::state::State;
use crate::plan::DroppedPreferences;
use crate::preference::{Preference, PreferencePolicy};
use crate::{Labels, ObjectKey, Operator, Options, Plan, Pod, PodSelector, PodShape, Requirement, Snapshot};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// After so many plans whoever has no place gives up all at once.
const ROUNDS: usize = 24;

/// A pod without a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lost {
    /// Its position in the snapshot.
    pod: u32,
    /// Whether no plan has a place for it.
    hopeless: bool,
}

/// The pods without a place, but for those that must not have one.
pub(super) fn lost(problem: &Problem<'_>, state: &State) -> Vec<Lost> {
    let ready =
        |class: &usize| problem.classes[*class].shape.unsupported.is_empty() && problem.classes[*class].shape.not_ready.is_none();
    let classes = (0..problem.classes.len()).filter(|class| state.left[*class] > 0).filter(ready);
    let of_class = |class: usize| {
        let (pods, hopeless) = (&problem.classes[class].pods, is_hopeless(problem, class));
        // Places are handed out in the order of pods.
        let placed = pods.len() - state.left[class] as usize;
        pods[placed..].iter().map(move |pod| Lost { pod: *pod, hopeless })
    };
    classes.flat_map(of_class).collect()
}

/// A plan for a snapshot with preferences.
pub(super) fn solve(snapshot: &Snapshot, options: &Options<'_>) -> Plan {
    let mut wishes = Wishes::new(snapshot);
    if options.preferences == PreferencePolicy::Ignore {
        wishes.give_up();
        return super::decide(&wishes.insisting(), options).0;
    }
    wishes.negotiate(options);
    let (mut plan, mut lost) = super::decide(&wishes.insisting(), options);
    // A longer search may leave other pods without a place than the first plan did.
    if lost.iter().any(|lost| wishes.has_more(lost.pod)) {
        wishes.concede(&lost, true);
        (plan, lost) = super::decide(&wishes.insisting(), options);
    }
    if lost.iter().any(|lost| !lost.hopeless) {
        let mut none = Wishes::new(snapshot);
        none.give_up();
        let (unbiased, fewer) = super::decide(&none.insisting(), options);
        if wishes.is_worse(&lost, &fewer) {
            (plan, wishes) = (unbiased, none);
        }
    }
    if !plan.unschedulable.is_empty() && (0..wishes.level.len()).any(|pod| !wishes.kept(pod).is_empty()) {
        tell_without(snapshot, &mut plan, options);
    }
    plan.dropped = wishes.dropped(&plan);
    plan
}

/// What keeps a pod from every place is no preference, so none is named: the reason is the one that holds where nobody insists.
fn tell_without(snapshot: &Snapshot, plan: &mut Plan, options: &Options<'_>) {
    let mut none = Wishes::new(snapshot);
    none.give_up();
    let unbiased = super::decide(&none.insisting(), &Options { steps: Some(0), ..*options }).0;
    let mut reasons: BTreeMap<ObjectKey, _> =
        unbiased.unschedulable.into_iter().map(|entry| (entry.pod.clone(), entry)).collect();
    for entry in &mut plan.unschedulable {
        // Where another pod would go without in its stead, its own reason stands.
        if let Some(reason) = reasons.remove(&entry.pod) {
            *entry = reason;
        }
    }
}

/// What a rule that is insisted on is about, whoever has it: its kind, its topology key and its selector.
type Mark<'s> = (Kind, &'s str, &'s PodSelector);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    With,
    Apart,
    Spread,
}

fn mark(preference: Preference<'_>) -> Option<Mark<'_>> {
    match preference {
        Preference::Affinity(term) => Some((Kind::With, &term.topology_key, &term.selector)),
        Preference::AntiAffinity(term) => Some((Kind::Apart, &term.topology_key, &term.selector)),
        Preference::Spread(one) => Some((Kind::Spread, &one.topology_key, &one.selector)),
        Preference::Node(_) => None,
    }
}

/// What pods still insist on.
struct Wishes<'s> {
    snapshot: &'s Snapshot,
    /// Distinct shapes that have preferences, with these in the order in which they are given up.
    shapes: Vec<(&'s PodShape, Vec<Preference<'s>>)>,
    /// By pod: which of `shapes`, if any.
    shape_of: Vec<Option<usize>>,
    /// By pod: how many preferences it gave up.
    level: Vec<usize>,
}

impl<'s> Wishes<'s> {
    /// Everybody insists on everything.
    fn new(snapshot: &'s Snapshot) -> Self {
        let mut shapes = Vec::new();
        let mut known: BTreeMap<*const PodShape, Option<usize>> = BTreeMap::new();
        let shape_of = snapshot.pods().iter().map(|pod| {
            *known.entry(Arc::as_ptr(&pod.shape)).or_insert_with(|| {
                let order = pod.shape.preferences();
                (!order.is_empty()).then(|| {
                    shapes.push((&*pod.shape, order));
                    shapes.len() - 1
                })
            })
        });
        let shape_of: Vec<Option<usize>> = shape_of.collect();
        Self { snapshot, shapes, level: vec![0; shape_of.len()], shape_of }
    }

    /// Nobody insists on anything.
    fn give_up(&mut self) {
        for pod in 0..self.level.len() {
            self.level[pod] = self.most(pod);
        }
    }

    /// How many preferences a pod has.
    fn most(&self, pod: usize) -> usize {
        self.shape_of[pod].map_or(0, |shape| self.shapes[shape].1.len())
    }

    /// Whether a pod still insists on something.
    fn has_more(&self, pod: u32) -> bool {
        self.level[pod as usize] < self.most(pod as usize)
    }

    /// What a pod still insists on.
    fn kept(&self, pod: usize) -> &[Preference<'s>] {
        self.shape_of[pod].map_or(&[], |shape| &self.shapes[shape].1[self.level[pod]..])
    }

    /// Plans without search until nobody who has no place can be helped.
    fn negotiate(&mut self, options: &Options<'_>) {
        let quick = Options { steps: Some(0), ..*options };
        let attempt = |snapshot: &Snapshot| {
            let dealer = Dealer::new(snapshot, quick.charges);
            let problem = dealer.problem();
            let (dealer, mut problem, mut state) = super::settle(dealer, problem, &quick);
            dealer.withdraw(&mut problem, &mut state);
            lost(&problem, &state)
        };
        let mut forlorn: Option<Vec<Lost>> = None;
        for round in 0.. {
            let lost = attempt(&self.insisting());
            if lost.is_empty() {
                return;
            }
            let forlorn = forlorn.get_or_insert_with(|| {
                let mut none = Self::new(self.snapshot);
                none.give_up();
                attempt(&none.insisting())
            });
            let hopeless: BTreeSet<u32> = forlorn.iter().map(|lost| lost.pod).collect();
            let (without, hopeful): (Vec<Lost>, Vec<Lost>) = lost.iter().partition(|lost| hopeless.contains(&lost.pod));
            let moved = self.concede(&without, true) | self.concede(&hopeful, round >= ROUNDS);
            let moved = moved || (self.is_worse(&lost, forlorn) && self.give_way(&hopeful, round >= ROUNDS));
            if !moved {
                return;
            }
        }
    }

    /// Pods without a place give up one more preference, or all. Whether any had one.
    fn concede(&mut self, lost: &[Lost], all: bool) -> bool {
        let mut moved = false;
        for pod in lost.iter().filter(|lost| self.has_more(lost.pod)).map(|lost| lost.pod as usize).collect::<Vec<_>>() {
            self.level[pod] = if all { self.most(pod) } else { self.level[pod] + 1 };
            moved = true;
        }
        moved
    }

    /// Whether more pods are lost, those of the highest priority first.
    fn is_worse(&self, lost: &[Lost], than: &[Lost]) -> bool {
        let mut balance: BTreeMap<Reverse<i32>, i64> = BTreeMap::new();
        for (list, sign) in [(lost, 1), (than, -1)] {
            for one in list {
                *balance.entry(Reverse(self.snapshot.pods()[one.pod as usize].shape.priority)).or_default() += sign;
            }
        }
        balance.into_values().find(|balance| *balance != 0).is_some_and(|balance| balance > 0)
    }

    /// Others give up one more preference, or all, for the sake of pods without a place: those with rules about such pods, and where
    /// there are none, everybody. Whether any had one.
    fn give_way(&mut self, lost: &[Lost], all: bool) -> bool {
        let pods = self.snapshot.pods();
        let about: BTreeSet<(&str, &Labels)> =
            lost.iter().map(|lost| &pods[lost.pod as usize]).map(|pod| (&*pod.key.namespace, &*pod.labels)).collect();
        let selects = |selector: &PodSelector| about.iter().any(|(namespace, labels)| selector.matches(namespace, labels));
        let minds = |one: &Preference<'_>| match one {
            Preference::Affinity(term) | Preference::AntiAffinity(term) => selects(&term.selector),
            Preference::Spread(one) => selects(&one.selector),
            Preference::Node(_) => false,
        };
        let mut known: BTreeMap<(Option<usize>, usize), bool> = BTreeMap::new();
        let insisting: Vec<usize> = (0..pods.len()).filter(|pod| !self.kept(*pod).is_empty()).collect();
        let mut minding = insisting.clone();
        minding.retain(|pod| {
            let stance = (self.shape_of[*pod], self.level[*pod]);
            *known.entry(stance).or_insert_with(|| self.kept(*pod).iter().any(minds))
        });
        let giving = if minding.is_empty() { insisting } else { minding };
        for pod in &giving {
            self.level[*pod] = if all { self.most(*pod) } else { self.level[*pod] + 1 };
        }
        !giving.is_empty()
    }

    /// The snapshot with what is insisted on as required, and nothing else preferred.
    fn insisting(&self) -> Snapshot {
        let given_up = |pod: usize| self.shape_of[pod].map_or(&[][..], |shape| &self.shapes[shape].1[..self.level[pod]]);
        let marks = |all: &[Preference<'s>]| all.iter().filter_map(|one| mark(*one)).collect::<BTreeSet<_>>();
        let mut stances: BTreeMap<(usize, usize), Stance<'s>> = BTreeMap::new();
        for pod in 0..self.level.len() {
            if let Some(shape) = self.shape_of[pod] {
                stances.entry((shape, self.level[pod])).or_insert_with(|| {
                    let kept = marks(self.kept(pod));
                    Stance { loose: marks(given_up(pod)).difference(&kept).copied().collect(), kept }
                });
            }
        }
        let kept: BTreeSet<Mark<'s>> = stances.values().flat_map(|stance| &stance.kept).copied().collect();
        let loose: BTreeSet<Mark<'s>> = stances.values().flat_map(|stance| &stance.loose).copied().collect();
        // A label key never has a space in it, so no selector of a user's sees these.
        let absent = |number: usize| Requirement::new(&format!("gave up {number}"), Operator::DoesNotExist, &[] as &[&str]).ok();
        let blind: BTreeMap<Mark<'s>, Requirement> =
            kept.intersection(&loose).enumerate().filter_map(|(number, mark)| Some((*mark, absent(number)?))).collect();
        let mut shapes: BTreeMap<(usize, usize), Arc<PodShape>> = BTreeMap::new();
        let mut labels: BTreeMap<(*const Labels, Vec<&str>), Arc<Labels>> = BTreeMap::new();
        let pods = self.snapshot.pods().iter().enumerate().map(|(index, pod)| {
            let Some(shape) = self.shape_of[index] else { return pod.clone() };
            let stance = (shape, self.level[index]);
            let shape = shapes.entry(stance).or_insert_with(|| {
                let looking_past = |one: Preference<'_>| blind.get(&mark(one)?).cloned();
                Arc::new(pod.shape.insisting(self.kept(index), &looking_past))
            });
            let seen: Vec<&str> = stances[&stance].loose.iter().filter_map(|mark| Some(blind.get(mark)?.key())).collect();
            let labels = labels.entry((Arc::as_ptr(&pod.labels), seen)).or_insert_with_key(|(_, seen)| {
                if seen.is_empty() {
                    return pod.labels.clone();
                }
                let mut labels = Labels::clone(&pod.labels);
                labels.extend(seen.iter().map(|key| (Arc::from(*key), Arc::from(""))));
                Arc::new(labels)
            });
            Pod { key: pod.key.clone(), labels: labels.clone(), shape: shape.clone() }
        });
        self.snapshot.with_pods(pods.collect())
    }

    /// What placed pods gave up.
    fn dropped(&self, plan: &Plan) -> Vec<DroppedPreferences> {
        let nowhere: BTreeSet<&ObjectKey> = plan.unschedulable.iter().map(|entry| &entry.pod).collect();
        let mut texts: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        let mut by_text: BTreeMap<Vec<String>, Vec<ObjectKey>> = BTreeMap::new();
        for (index, pod) in self.snapshot.pods().iter().enumerate() {
            let level = self.level[index];
            let Some(shape) = self.shape_of[index].filter(|_| level > 0 && !nowhere.contains(&pod.key)) else { continue };
            let text = texts
                .entry((shape, level))
                .or_insert_with(|| self.shapes[shape].1[..level].iter().map(ToString::to_string).collect());
            match by_text.get_mut(text) {
                Some(pods) => pods.push(pod.key.clone()),
                None => {
                    by_text.insert(text.clone(), vec![pod.key.clone()]);
                }
            }
        }
        let mut all: Vec<DroppedPreferences> =
            by_text.into_iter().map(|(preferences, pods)| DroppedPreferences { preferences, pods }).collect();
        all.sort_by(|a, b| a.pods.first().cmp(&b.pods.first()));
        all
    }
}

/// The rules about other pods of one shape after so many preferences given up.
struct Stance<'s> {
    /// Insisted on.
    kept: BTreeSet<Mark<'s>>,
    /// Given up.
    loose: BTreeSet<Mark<'s>>,
}
