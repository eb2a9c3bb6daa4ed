//! Cost, time and memory beside Karpenter's algorithm, as the tables of docs/benchmarks.md: `cargo bench --bench compare`.
//!
//! `-- --write` puts the tables and the chart into docs/; any other argument keeps only the workloads whose name contains it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops on bad input and prints its results")]

#[path = "compare/chart.rs"]
mod chart;
#[path = "compare/clock.rs"]
mod clock;
#[path = "compare/document.rs"]
mod document;
#[path = "compare/measure.rs"]
mod measure;
#[path = "compare/online.rs"]
mod online;
#[path = "compare/table.rs"]
mod table;
mod workload;

use measure::Row;
use table::Section;
use windlass_solver::{Charges, MicroUsd, Options, Pod, PreferencePolicy};
use workload::types::Market;
use workload::{alibaba, mix, shapes, types};

/// Measures, unless the name was not asked for.
struct Session {
    wanted: Vec<String>,
}

impl Session {
    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|part| name.contains(part.as_str()))
    }

    /// The rows of these workloads, each reported as soon as it is measured.
    fn rows(&self, workloads: impl IntoIterator<Item = (String, Market, Vec<Pod>)>) -> Vec<Row> {
        self.rows_with(&Options::default(), workloads)
    }

    fn rows_with(&self, options: &Options<'_>, workloads: impl IntoIterator<Item = (String, Market, Vec<Pod>)>) -> Vec<Row> {
        let wanted = workloads.into_iter().filter(|(name, _, _)| self.wants(name));
        wanted
            .map(|(name, market, pods)| {
                let row = measure::row(&name, &workload::snapshot(&market, &[], &pods), options);
                println!("{}", table::line(&row));
                row
            })
            .collect()
    }
}

/// The diverse mix in the sizes of Karpenter's benchmark.
fn diverse(session: &Session) -> Vec<Row> {
    let sizes = [1, 50, 100, 200, 500, 1_000, 1_500, 2_000, 5_000, 10_000, 20_000];
    session.rows(sizes.map(|size| (format!("mix, {size} pods"), types::fake(), mix::diverse(size))))
}

/// The pods that real Karpenter was measured on.
fn recorded(session: &Session) -> Vec<Row> {
    let runs = mix::REAL_KARPENTER.iter().filter_map(|run| Some((run.pods, mix::recorded(run.pods)?)));
    session.rows(runs.map(|(size, pods)| (format!("recorded, {size} pods"), types::fake(), pods)))
}

fn catalogues(session: &Session) -> Vec<Row> {
    let markets = || {
        [
            ("kwok-like", types::kwok()),
            ("EC2 c/m/r from generation 5", types::ec2().general()),
            ("EC2 to 64 vCPU", types::ec2().general().capped_at_64_vcpu()),
        ]
    };
    session.rows(
        [1_000, 10_000]
            .into_iter()
            .flat_map(|size| markets().map(|(name, market)| (format!("mix, {size} pods, {name}"), market, mix::diverse(size)))),
    )
}

/// Steps of a plan for which there is more time.
const LONGER: u64 = 1_800_000;

fn trace(session: &Session) -> Vec<Row> {
    let (Some(plain), Some(gpu)) = (alibaba::pods(false), alibaba::pods(true)) else {
        println!("Alibaba 2023: skipped, ../shared/data/alibaba-2023 is absent");
        return Vec::new();
    };
    let ec2 = types::ec2;
    let mut rows = session.rows([
        ("Alibaba, every amd64 type".to_owned(), ec2(), plain.clone()),
        ("Alibaba, c/m/r from generation 5".to_owned(), ec2().general(), plain.clone()),
        ("Alibaba, c/m/r to 64 vCPU".to_owned(), ec2().general().capped_at_64_vcpu(), plain.clone()),
        ("Alibaba with GPUs, c/m/r and NVIDIA types".to_owned(), ec2().general_and_gpu(), gpu.clone()),
        ("Alibaba six times, c/m/r from generation 5".to_owned(), ec2().general(), alibaba::six_times(&plain)),
    ]);
    let longer = Options { steps: Some(LONGER), ..Options::default() };
    rows.extend(session.rows_with(
        &longer,
        [
            ("Alibaba, c/m/r from generation 5, 1,800,000 steps".to_owned(), ec2().general(), plain),
            ("Alibaba with GPUs, 1,800,000 steps".to_owned(), ec2().general_and_gpu(), gpu),
        ],
    ));
    rows
}

fn many(session: &Session) -> Vec<Row> {
    let general = || types::ec2().general();
    let generic =
        [1_000, 5_000, 20_000].map(|size| (format!("mix, its first kind only, {size} pods"), types::fake(), mix::generic(size)));
    session.rows(generic.into_iter().chain([
        ("5,000 pods, all of different shapes, c/m/r".to_owned(), general(), shapes::distinct(5_000)),
        ("50,000 pods of 60 shapes, c/m/r".to_owned(), general(), shapes::sixty(50_000)),
    ]))
}

/// Karpenter's pods with preferences under each of its policies.
fn preferences(session: &Session) -> Vec<Row> {
    let policies = [("respected", PreferencePolicy::Respect), ("ignored", PreferencePolicy::Ignore)];
    let rows = policies.into_iter().flat_map(|(what, policy)| {
        let name = format!("4,000 pods with preferences, {what}");
        session.rows_with(&Options { preferences: policy, ..Options::default() }, [(name, types::fake(), mix::preferring(4_000))])
    });
    rows.collect()
}

/// Batches as they come, on the largest and on the sober catalogue.
fn arrivals(session: &Session) -> Vec<online::Arrivals> {
    let mut all = Vec::new();
    let Some(trace) = alibaba::pods(false) else { return all };
    let mix = shapes::shuffled(mix::diverse(5_000));
    let streams = [
        ("Alibaba, c/m/r", types::ec2().general(), trace.clone()),
        ("Alibaba, to 64 vCPU", types::ec2().general().capped_at_64_vcpu(), trace),
        ("mix of 5,000, c/m/r", types::ec2().general(), mix),
    ];
    for (name, market, pods) in streams {
        let usual = [10, 50, 200, 1_000].map(|batch| (batch, "", Charges::default()));
        let charged =
            [10, 50].map(|batch| (batch, ", a cent per node", Charges { node: MicroUsd(10_000), ..Charges::default() }));
        for (batch, how, charges) in usual.into_iter().chain(charged) {
            let name = format!("online, {name}, batches of {batch}{how}");
            if session.wants(&name) {
                let one = online::arrive(&name, &market, &pods, (batch, &Options { charges, ..Options::default() }));
                println!("{}", table::arrivals(&one));
                all.push(one);
            }
        }
    }
    all
}

fn main() {
    let (flags, wanted): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let session = Session { wanted };
    println!("{}", table::HEAD);
    let diverse = diverse(&session);
    let recorded = recorded(&session);
    let sections = [
        Section::Solved("mix", diverse),
        Section::Real(recorded),
        Section::Solved("catalogues", catalogues(&session)),
        Section::Solved("trace", trace(&session)),
        Section::Solved("shapes", many(&session).into_iter().chain(preferences(&session)).collect()),
        Section::Online(arrivals(&session)),
    ];
    if flags.iter().any(|flag| flag == "--write") {
        document::write(&sections);
        if let Section::Solved(_, rows) = &sections[0] {
            chart::write(rows);
        }
    }
}
