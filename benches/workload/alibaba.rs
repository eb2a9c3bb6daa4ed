//! The Alibaba 2023 cluster trace: 8,152 pods in the order in which they came.

use super::{MI, beside, pod, shape};
use windlass_solver::Pod;

/// CPU and memory of the trace's pods, and their GPUs if wanted; `None` where the file is absent.
pub(crate) fn pods(with_gpus: bool) -> Option<Vec<Pod>> {
    let text = std::fs::read_to_string(beside("alibaba-2023/openb_pod_list_default.csv")).ok()?;
    let rows = text.lines().skip(1).enumerate().map(|(index, line)| {
        let cells: Vec<&str> = line.split(',').collect();
        let amount = |column: usize| cells[column].parse::<i64>().unwrap();
        let mut asks = shape(amount(1), amount(2) * MI);
        if with_gpus {
            asks.requests.set("nvidia.com/gpu", amount(3));
        }
        pod(index, asks)
    });
    Some(rows.collect())
}

/// The pods six times over.
pub(crate) fn six_times(pods: &[Pod]) -> Vec<Pod> {
    let all = pods.iter().cycle().take(pods.len() * 6).enumerate();
    all.map(|(index, one)| Pod { shape: one.shape.clone(), ..pod(index, shape(0, 0)) }).collect()
}
