//! Time of `solve` beside Karpenter's algorithm on the same snapshot, with criterion's statistics: `cargo bench --bench solve`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops on bad input and prints its results")]
#![allow(dead_code, reason = "the workloads are shared with the other benchmark, which uses more of them")]

mod workload;

use criterion::{BenchmarkId, Criterion, Throughput};
use windlass_solver::baseline::karpenter;
use windlass_solver::{Options, PreferencePolicy, Snapshot, solve};
use workload::{alibaba, mix, snapshot, types};

fn measure(criterion: &mut Criterion, group: &str, snapshot: &Snapshot) {
    let size = snapshot.pods().len();
    let plan = solve(snapshot, &Options::default());
    let mut group = criterion.benchmark_group(group);
    group.sample_size(10).throughput(Throughput::Elements(size as u64));
    group.bench_with_input(BenchmarkId::new("windlass", size), snapshot, |b, s| b.iter(|| solve(s, &Options::default())));
    group.bench_with_input(BenchmarkId::new("karpenter-algorithm", size), snapshot, |b, s| {
        b.iter(|| karpenter(s, &plan, PreferencePolicy::Respect));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for size in [1_000, 5_000, 20_000] {
        measure(&mut criterion, "karpenter-mix", &snapshot(&types::fake(), &[], &mix::diverse(size)));
    }
    match alibaba::pods(false) {
        Some(pods) => measure(&mut criterion, "alibaba-2023", &snapshot(&types::ec2().general(), &[], &pods)),
        None => println!("alibaba-2023: skipped, ../shared/data/alibaba-2023 is absent"),
    }
    criterion.final_summary();
}
