//! A node that is still every instance type, zone and capacity type that holds its pods.

use super::super::problem::Problem;

/// An open claim of one pool.
#[derive(Debug)]
pub(super) struct Claim {
    /// Weight of its pool.
    pub(super) weight: i32,
    /// Pods on it.
    pub(super) pods: u32,
    /// Candidates that hold all of them, ascending; never empty.
    left: Vec<u32>,
    /// What the pods take together.
    used: Vec<i64>,
    /// The most that one of `left` has of each position: what exceeds it need not be compared with all of them.
    most: Vec<i64>,
    /// Classes and how many pods of each, in the order in which they came.
    load: Vec<(usize, u32)>,
    /// Classes of the run of equal pods `run` that found no room. Room only shrinks, so they never will.
    rejected: Vec<(usize, bool)>,
    run: usize,
}

/// A pod of a class that asks for a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guest {
    /// The class.
    pub(super) class: usize,
    /// Whether it tolerates `PreferNoSchedule` taints by now.
    pub(super) relaxed: bool,
    /// Which run of pods of equal CPU and memory it is in.
    pub(super) run: usize,
}

impl Claim {
    /// A claim on `left`, which is not empty, for a first pod that each of them takes.
    pub(super) fn open(problem: &Problem<'_>, weight: i32, left: Vec<u32>, guest: Guest) -> Self {
        let mut claim = Self {
            weight,
            pods: 1,
            left,
            used: problem.classes[guest.class].need.to_vec(),
            most: Vec::new(),
            load: vec![(guest.class, 1)],
            rejected: Vec::new(),
            run: guest.run,
        };
        claim.most = claim.widest(problem);
        claim
    }

    /// Takes the pod if some candidate holds it with the others; gives up the candidates that do not.
    pub(super) fn admit(&mut self, problem: &Problem<'_>, guest: Guest) -> bool {
        if self.run != guest.run {
            self.run = guest.run;
            self.rejected.clear();
        }
        if self.rejected.contains(&(guest.class, guest.relaxed)) {
            return false;
        }
        let need = &problem.classes[guest.class].need;
        let together: Vec<i64> = self.used.iter().zip(need).map(|(used, need)| used.saturating_add(*need)).collect();
        let within = |room: &[i64]| together.iter().zip(room).all(|(amount, room)| amount <= room);
        let mut left = Vec::new();
        if within(&self.most) {
            left.extend(self.left.iter().copied().filter(|index| {
                let candidate = &problem.candidates[*index as usize];
                within(problem.free(candidate)) && problem.allows(candidate, guest.class, guest.relaxed)
            }));
        }
        if left.is_empty() {
            self.rejected.push((guest.class, guest.relaxed));
            return false;
        }
        self.used = together;
        self.pods += 1;
        match self.load.last_mut() {
            Some((class, count)) if *class == guest.class => *count += 1,
            _ => self.load.push((guest.class, 1)),
        }
        if left.len() < self.left.len() {
            self.left = left;
            self.most = self.widest(problem);
        }
        true
    }

    fn widest(&self, problem: &Problem<'_>) -> Vec<i64> {
        let mut most = vec![0; self.used.len()];
        for index in &self.left {
            for (most, free) in most.iter_mut().zip(problem.free(&problem.candidates[*index as usize])) {
                *most = (*most).max(*free);
            }
        }
        most
    }

    /// Indices of the candidates left.
    pub(super) fn candidates(&self) -> &[u32] {
        &self.left
    }

    /// Classes and counts, each class once, ascending.
    pub(super) fn into_load(mut self) -> Vec<(usize, u32)> {
        self.load.sort_unstable();
        self.load.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        self.load
    }
}
