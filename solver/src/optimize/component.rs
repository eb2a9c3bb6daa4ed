//! Splits a problem into parts that share no bin.

use super::Problem;

/// (classes with demand, bins) of each part, by their first class. Bins that hold no class are in none.
pub(super) fn components(problem: &Problem) -> Vec<(Vec<usize>, Vec<usize>)> {
    let classes: Vec<usize> = (0..problem.classes.len()).filter(|class| problem.classes[*class].demand > 0).collect();
    let mut part_of: Vec<usize> = (0..problem.classes.len()).collect();
    let mut bin_class: Vec<Option<usize>> = Vec::with_capacity(problem.bins.len());
    for bin in &problem.bins {
        let fits = |class: &usize| {
            let size = &problem.classes[*class].size;
            bin.allowed.contains(*class) && size.iter().zip(&bin.capacity).all(|(need, room)| need <= room)
        };
        let mut first = None;
        for class in classes.iter().copied().filter(fits) {
            let known = *first.get_or_insert(class);
            let (a, b) = (root(&mut part_of, known), root(&mut part_of, class));
            part_of[a.max(b)] = a.min(b);
        }
        bin_class.push(first);
    }
    let mut parts: Vec<(usize, Vec<usize>, Vec<usize>)> = Vec::new();
    for class in classes {
        let root = root(&mut part_of, class);
        match parts.binary_search_by_key(&root, |(first, _, _)| *first) {
            Ok(at) => parts[at].1.push(class),
            Err(at) => parts.insert(at, (root, vec![class], Vec::new())),
        }
    }
    for (bin, class) in bin_class.into_iter().enumerate() {
        if let Some(class) = class {
            let root = root(&mut part_of, class);
            if let Ok(at) = parts.binary_search_by_key(&root, |(first, _, _)| *first) {
                parts[at].2.push(bin);
            }
        }
    }
    parts.into_iter().map(|(_, classes, bins)| (classes, bins)).collect()
}

/// The smallest class of the part that `class` is known to be in; shortens the way there.
fn root(part_of: &mut [usize], mut class: usize) -> usize {
    while part_of[class] != class {
        part_of[class] = part_of[part_of[class]];
        class = part_of[class];
    }
    class
}
