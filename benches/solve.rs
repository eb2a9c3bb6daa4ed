//! Time of `solve` beside the peer's algorithm on the same snapshot: `cargo bench --bench solve`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops on bad input and prints its results")]

#[path = "peer/karpenter.rs"]
mod karpenter;
#[path = "plan/workload.rs"]
mod workload;

use criterion::{BenchmarkId, Criterion, Throughput};
use windlass_solver::{Options, Requirement, Snapshot, solve};

fn measure(criterion: &mut Criterion, group: &str, size: usize, snapshot: &Snapshot) {
    let mut group = criterion.benchmark_group(group);
    group.sample_size(10).throughput(Throughput::Elements(size as u64));
    group.bench_with_input(BenchmarkId::new("windlass", size), snapshot, |b, s| b.iter(|| solve(s, &Options::default())));
    group.bench_with_input(BenchmarkId::new("karpenter-algorithm", size), snapshot, |b, s| b.iter(|| karpenter::pack(s)));
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for size in [1_000, 5_000, 20_000] {
        let snapshot = workload::snapshot(workload::karpenter_types(), &[], workload::karpenter_pods(size));
        measure(&mut criterion, "karpenter-mix", size, &snapshot);
    }
    if let Some(pods) = workload::alibaba_pods() {
        let only =
            [Requirement::equals("karpenter.sh/capacity-type", "on-demand"), Requirement::equals("kubernetes.io/arch", "amd64")];
        let size = pods.len();
        measure(&mut criterion, "alibaba-2023", size, &workload::snapshot(workload::ec2_types(), &only, pods));
    } else {
        println!("alibaba-2023: skipped, ../shared/data/alibaba-2023 is absent");
    }
    criterion.final_summary();
}
