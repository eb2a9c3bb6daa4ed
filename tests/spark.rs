//! The Spark example of deploy/examples, end to end: what is bought, that nothing cheaper exists, and that it does not matter in which
//! API the pools are written or in which order the files come.
// A test fails by panicking, also in the functions it calls.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use windlass::api::convert;
use windlass::catalog::Catalog;
use windlass::manifest::{self, Source};
use windlass::snapshot::{self, Taken};
use windlass_solver::{CapacityType, Labels, MicroUsd, NodePool, Options, Plan, PlannedNode, Resources, Snapshot, check, solve};

const JOB: &str = "emr-jobs";
const DRIVER: &str = "spark-0000000threadsleep-driver";

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::embedded("us-west-2").unwrap())
}

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/emr-spark").join(file)
}

fn take(files: &[PathBuf]) -> Taken {
    let sources: Vec<Source> = files.iter().cloned().map(Source::Path).collect();
    let inventory = manifest::read(&sources, &manifest::Options::default()).unwrap();
    let findings: Vec<_> = inventory.diagnostics.iter().filter(|finding| finding.is_error()).collect();
    assert!(findings.is_empty(), "{findings:?}");
    let taken = snapshot::take(&inventory, catalog(), &snapshot::Settings::default());
    assert!(taken.diagnostics.iter().all(|finding| !finding.is_error()), "{:?}", taken.diagnostics);
    taken
}

fn planned(files: &[PathBuf]) -> (Snapshot, Plan) {
    let snapshot = take(files).snapshot;
    let plan = solve(&snapshot, &Options::default());
    assert_eq!(check(&snapshot, &plan), Vec::new());
    (snapshot, plan)
}

fn whole_example() -> (Snapshot, Plan) {
    planned(&[example("")])
}

fn holding<'a>(plan: &'a Plan, pod: &str) -> Vec<&'a PlannedNode> {
    plan.nodes.iter().filter(|node| node.pods.iter().any(|key| key.name.starts_with(pod))).collect()
}

#[test]
fn the_driver_gets_one_on_demand_arm64_node_with_four_cpus() {
    let (snapshot, plan) = whole_example();
    assert_eq!((plan.summary.pods, plan.summary.placed), (8, 8), "{:?}", plan.unschedulable);
    let nodes = holding(&plan, DRIVER);
    let [node] = nodes.as_slice() else { panic!("{nodes:?}") };
    assert_eq!((node.node_pool.as_str(), node.offering.capacity_type), ("ondemand", CapacityType::OnDemand));
    assert_eq!(node.pods.len(), 1);
    for choice in std::iter::once(&node.offering).chain(&node.alternatives) {
        assert_eq!((choice.zone.as_str(), choice.capacity_type), ("us-west-2b", CapacityType::OnDemand));
        let kind = pool(&snapshot, "ondemand").instance_types.iter().find(|kind| kind.name == choice.instance_type).unwrap();
        assert_eq!(kind.labels["kubernetes.io/arch"].as_ref(), "arm64");
        assert!(kind.capacity.get("cpu") >= 4000, "{}", kind.name);
    }
    assert_eq!(node.labels["karpenter.k8s.aws/instance-cpu"].as_ref(), "4");
}

#[test]
fn executors_run_on_spot_arm64_nodes_in_the_same_zone_only() {
    let (snapshot, plan) = whole_example();
    let nodes = holding(&plan, "threadsleep-exec-");
    assert_eq!(nodes.iter().map(|node| node.pods.len()).sum::<usize>(), 6);
    for node in &nodes {
        assert!(node.pods.iter().all(|key| key.name.starts_with("threadsleep-exec-")));
        for choice in std::iter::once(&node.offering).chain(&node.alternatives) {
            assert_eq!((choice.zone.as_str(), choice.capacity_type), ("us-west-2b", CapacityType::Spot));
            let kind = pool(&snapshot, "default").instance_types.iter().find(|kind| kind.name == choice.instance_type).unwrap();
            assert_eq!(kind.labels["kubernetes.io/arch"].as_ref(), "arm64");
        }
    }
    assert_eq!(plan.nodes.len(), nodes.len() + 1, "one more for the driver, none else");
}

#[test]
fn the_job_runner_uses_the_node_that_is_there() {
    let (_, plan) = whole_example();
    let [existing] = plan.existing_nodes.as_slice() else { panic!("{:?}", plan.existing_nodes) };
    assert_eq!(existing.node.as_str(), "ip-192-168-24-11.us-west-2.compute.internal");
    let pods: Vec<String> = existing.pods.iter().map(ToString::to_string).collect();
    assert_eq!(pods, [format!("{JOB}/0000000threadsleep-0")]);

    let (_, alone) = planned(&[example("provisioners.yaml"), example("job.yaml")]);
    assert_eq!((alone.summary.placed, alone.existing_nodes.len()), (8, 0));
}

fn pool<'a>(snapshot: &'a Snapshot, name: &str) -> &'a NodePool {
    snapshot.node_pools().iter().find(|pool| pool.name.as_str() == name).unwrap()
}

/// The least price at which a pool offers a node that holds `count` pods of this size beside the daemons.
fn cheapest_for(pool: &NodePool, pod: &Resources, daemons: &Resources, count: i64) -> Option<MicroUsd> {
    let mut best: Option<MicroUsd> = None;
    for kind in pool.instance_types.iter() {
        let room = kind.allocatable();
        let fits = pod.iter().chain(daemons.iter()).map(|(name, _)| name.as_str()).all(|name| {
            let wanted = pod.get(name) * count + daemons.get(name);
            wanted <= room.get(name)
        });
        for offering in kind.offerings.iter().filter(|offering| fits && offering.available) {
            let mut labels: Labels = kind.labels.clone();
            labels.extend(pool.labels.clone());
            labels.insert("topology.kubernetes.io/zone".into(), offering.zone.as_str().into());
            labels.insert("karpenter.sh/capacity-type".into(), offering.capacity_type.as_str().into());
            labels.insert("node.kubernetes.io/instance-type".into(), kind.name.as_str().into());
            if let Some(price) = offering.price.filter(|_| pool.requirements.allow(&labels)) {
                best = Some(best.map_or(price, |known| known.min(price)));
            }
        }
    }
    best
}

/// The least total over every way to split `pods` equal pods over nodes.
fn cheapest_split(by_count: &[Option<MicroUsd>], pods: usize) -> Option<MicroUsd> {
    if pods == 0 {
        return Some(MicroUsd::ZERO);
    }
    (1..=pods).filter_map(|first| Some(by_count[first]?.plus(cheapest_split(by_count, pods - first)?))).min()
}

#[test]
fn nothing_cheaper_holds_the_job() {
    let (snapshot, plan) = whole_example();
    let mib = 1 << 20;
    let daemons = Resources::new().with("cpu", 150).with("pods", 2);
    let size = |cpu: i64| Resources::new().with("cpu", cpu).with("memory", 1633 * mib).with("pods", 1);
    let driver = cheapest_for(pool(&snapshot, "ondemand"), &size(2000), &daemons, 1).unwrap();
    let spot = pool(&snapshot, "default");
    let by_count: Vec<_> = (0..=6).map(|count| cheapest_for(spot, &size(1000), &daemons, count)).collect();
    let least = driver.plus(cheapest_split(&by_count, 6).unwrap());

    let cost = plan.summary.hourly_cost;
    assert!(cost >= least, "{cost} is less than possible: {least}");
    assert!(cost.0 * 100 <= least.0 * 102, "{cost} is more than 2 % above {least}");
    assert!(plan.summary.lower_bound <= least, "{} is no bound of {least}", plan.summary.lower_bound);
}

#[test]
fn two_cpus_never_hold_a_driver_of_two() {
    let (snapshot, _) = whole_example();
    let small = pool(&snapshot, "ondemand").instance_types.iter().filter(|kind| kind.capacity.get("cpu") == 2000);
    let room: Vec<i64> = small.map(|kind| kind.allocatable().get("cpu")).collect();
    assert!(!room.is_empty() && room.iter().all(|cpu| *cpu < 2000));
}

/// The example's Provisioners as NodePools and EC2NodeClasses, in a file.
fn converted(folder: &Path) -> PathBuf {
    let sources = [Source::Path(example("provisioners.yaml"))];
    let inventory = manifest::read(&sources, &manifest::Options::default()).unwrap();
    let provisioners: Vec<_> = inventory.provisioners.into_iter().map(|source| source.value).collect();
    let conversion = convert::convert(&provisioners, &[], convert::Defaults::default());
    let pools = conversion.node_pools.iter().map(|pool| serde_json::to_string(pool).unwrap());
    let classes = conversion.node_classes.iter().map(|class| serde_json::to_string(class).unwrap());
    let path = folder.join("pools.yaml");
    std::fs::write(&path, pools.chain(classes).collect::<Vec<_>>().join("\n---\n")).unwrap();
    path
}

#[test]
fn the_converted_pools_give_the_same_plan() {
    let folder = tempfile::tempdir().unwrap();
    let (_, old) = whole_example();
    let (snapshot, new) = planned(&[converted(folder.path()), example("job.yaml"), example("cluster.yaml")]);
    assert_eq!(old, new);
    let names: Vec<_> = snapshot.node_pools().iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["default", "ondemand"]);
}

#[test]
fn the_order_of_files_and_documents_does_not_matter() {
    let (_, plan) = whole_example();
    let mut files = vec![example("cluster.yaml"), example("job.yaml"), example("provisioners.yaml")];
    for _ in 0..files.len() {
        files.rotate_left(1);
        assert_eq!(planned(&files).1, plan);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut documents: Vec<String> = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        documents.extend(text.split("\n---\n").map(str::to_owned));
    }
    documents.reverse();
    let path = folder.path().join("all.yaml");
    std::fs::write(&path, documents.join("\n---\n")).unwrap();
    assert_eq!(planned(&[path]).1, plan);
}

#[test]
fn estimated_prices_are_said_once() {
    let notes = take(&[example("")]).notes;
    let estimates = notes.iter().filter(|note| note.contains("spot prices are estimates")).count();
    assert_eq!(estimates, 1, "{notes:?}");
    assert!(notes.iter().all(|note| !note.contains("subnets")), "the pools name their zone: {notes:?}");
}

#[test]
fn the_shop_runs_mostly_on_spot_and_every_node_carries_the_log_agent() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/web");
    let (_, plan) = planned(&[path]);
    assert_eq!((plan.summary.pods, plan.summary.placed), (21, 21), "{:?}", plan.unschedulable);
    let mut by_type: BTreeMap<CapacityType, usize> = BTreeMap::new();
    for node in &plan.nodes {
        *by_type.entry(node.offering.capacity_type).or_default() += 1;
        assert!(node.daemon_set_pods.iter().any(|key| key.name.as_ref() == "log-agent"));
        let ledger = node.pods.iter().any(|key| key.name.starts_with("ledger-"));
        assert!(!ledger || node.offering.capacity_type == CapacityType::OnDemand, "{}", node.name);
        assert!(node.requested.fits_in(&node.allocatable) && node.allocatable.get("pods") == 60);
    }
    assert!(by_type[&CapacityType::Spot] >= 1 && by_type[&CapacityType::OnDemand] >= 1, "{by_type:?}");
}
