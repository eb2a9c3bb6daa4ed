//! Cost and time beside the peer's algorithm, as the table of docs/benchmarks.md: `cargo bench --bench compare`.
//!
//! Each line is one snapshot, solved by both in this process; times are the median of five runs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops on bad input and prints its results")]

#[path = "peer/karpenter.rs"]
mod karpenter;
#[path = "plan/workload.rs"]
mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};
use windlass_solver::{MicroUsd, Operator, Options, Requirement, Snapshot, check, solve};

const RUNS: usize = 5;

fn median<T>(run: impl Fn() -> T) -> (T, Duration) {
    let mut times: Vec<Duration> = (1..RUNS)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    let start = Instant::now();
    let result = run();
    times.push(start.elapsed());
    times.sort();
    (result, times[RUNS / 2])
}

fn percent_over(a: MicroUsd, b: MicroUsd) -> f64 {
    100.0 * (a.dollars() / b.dollars() - 1.0)
}

fn line(name: &str, snapshot: &Snapshot) {
    let (ours, our_time) = median(|| solve(snapshot, &Options::default()));
    let (peer, peer_time) = median(|| karpenter::pack(snapshot));
    let violations = check(snapshot, &ours);
    assert!(violations.is_empty(), "{name}: {violations:?}");
    assert_eq!(ours.summary.pods - ours.summary.placed, peer.unplaced, "{name}: both place the same number of pods");
    let (cost, bound) = (ours.summary.hourly_cost, ours.summary.lower_bound);
    println!(
        "| {name} | {} | {} | {cost} | {:.2} % | {} | {} | {:+.1} % | {:.1} ms | {:.1} ms | {:.1} |",
        ours.summary.pods,
        ours.nodes.len(),
        percent_over(cost, bound),
        peer.nodes,
        peer.cost,
        percent_over(cost, peer.cost),
        our_time.as_secs_f64() * 1e3,
        peer_time.as_secs_f64() * 1e3,
        our_time.as_secs_f64() / peer_time.as_secs_f64(),
    );
}

fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement::new(key, operator, values).unwrap()
}

fn main() {
    println!(
        "| workload | pods | nodes | $/h | gap to bound | peer's nodes | peer's $/h | our cost to peer's | time | peer's time | ratio |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for size in [1_000, 5_000, 20_000] {
        line("Karpenter mix, 400 types", &workload::snapshot(workload::karpenter_types(), &[], workload::karpenter_pods(size)));
    }
    let Some(pods) = workload::alibaba_pods() else {
        println!("alibaba-2023: skipped, ../shared/data/alibaba-2023 is absent");
        return;
    };
    let amd64 = [
        requirement("karpenter.sh/capacity-type", Operator::In, &["on-demand"]),
        requirement("kubernetes.io/arch", Operator::In, &["amd64"]),
    ];
    let general = requirement("karpenter.k8s.aws/instance-category", Operator::In, &["c", "m", "r"]);
    let recent = requirement("karpenter.k8s.aws/instance-generation", Operator::Gt, &["4"]);
    let small = requirement("karpenter.k8s.aws/instance-cpu", Operator::Lte, &["64"]);
    let [a, b] = amd64.clone();
    let cmr = vec![a, b, general, recent];
    line("Alibaba 2023, all amd64 types", &workload::snapshot(workload::ec2_types(), &amd64, pods.clone()));
    line("Alibaba 2023, c/m/r from generation 5", &workload::snapshot(workload::ec2_types(), &cmr, pods.clone()));
    let capped = [cmr, vec![small]].concat();
    line("Alibaba 2023, c/m/r to 64 vCPU", &workload::snapshot(workload::ec2_types(), &capped, pods));
}
