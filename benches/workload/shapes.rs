//! Many shapes and few.

use super::{GI, MI, Random, pod, shape};
use std::f64::consts::TAU;
use windlass_solver::Pod;

/// Pods of whose requests hardly two are equal: CPU log-normal around 500 m, memory around 4 GiB per core.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn distinct(count: usize) -> Vec<Pod> {
    let mut random = Random::new(42);
    let mut normal = || (-2.0 * random.share().ln()).sqrt() * (TAU * random.share()).cos();
    (0..count)
        .map(|index| {
            let cpu = (500.0 * normal().exp()).clamp(10.0, 30_000.0);
            let memory = (cpu * 4.096 * (0.5 * normal()).exp()).clamp(16.0, 200.0 * 1024.0);
            pod(index, shape(cpu as i64, memory as i64 * MI))
        })
        .collect()
}

/// Pods of sixty shapes: ten of CPU by six of memory, evenly.
pub(crate) fn sixty(count: usize) -> Vec<Pod> {
    let mut random = Random::new(42);
    (0..count)
        .map(|index| {
            let cpu = random.pick(&[100, 200, 250, 500, 750, 1000, 1500, 2000, 3000, 4000]);
            pod(index, shape(cpu, random.pick(&[1, 2, 4, 8, 12, 16]) * GI / 4))
        })
        .collect()
}

/// The pods in another order, which is always the same: their names say when they come.
pub(crate) fn shuffled(mut pods: Vec<Pod>) -> Vec<Pod> {
    let mut random = Random::new(7);
    for last in (1..pods.len()).rev() {
        pods.swap(last, usize::try_from(random.next() % (last as u64 + 1)).unwrap());
    }
    pods
}
