use super::{Verdict, admit, exceeded, worst};
use crate::cluster::Claim;
use crate::fixture::claim;
use std::collections::BTreeSet;
use windlass_solver::{
    CapacityType, InstanceType, InstanceTypeName, Labels, MicroUsd, NodePoolName, Offering, Overhead, Requirement, ResourceName,
    Resources, Zone,
};

fn types() -> Vec<InstanceType> {
    let one = |name: &str, cores: i64| InstanceType {
        name: InstanceTypeName::from(name),
        labels: Labels::new(),
        capacity: Resources::new().with("cpu", cores * 1000),
        overhead: Overhead::default(),
        offerings: vec![Offering {
            zone: Zone::from("a"),
            capacity_type: CapacityType::Spot,
            price: Some(MicroUsd(1)),
            available: true,
            interruption: None,
            labels: Labels::new(),
        }],
    };
    vec![one("large", 8), one("small", 2)]
}

fn of_type(name: &str, kind: &str) -> Claim {
    let mut claim = claim(name);
    claim.requirements.add(Requirement::equals("node.kubernetes.io/instance-type", kind));
    claim
}

fn judged(limits: Option<&[(ResourceName, i64)]>, listed: &[Claim], waiting: &[&str]) -> Verdict {
    let waiting: BTreeSet<String> = waiting.iter().map(ToString::to_string).collect();
    admit(&NodePoolName::from("default"), limits, listed, &types(), &waiting)
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn a_claim_counts_with_the_most_it_may_become_until_it_says_what_it_is() {
    let mut any = claim("a");
    assert_eq!(worst(&any, &types()), Resources::new().with("cpu", 8000).with("nodes", 1));
    any.capacity = Resources::new().with("cpu", 2000);
    assert_eq!(worst(&any, &types()).get("cpu"), 8000, "a capacity without an instance proves nothing");
    any.status.provider_id = "aws:///a/i-1".to_owned();
    assert_eq!(worst(&any, &types()).get("cpu"), 2000);
    assert_eq!(worst(&of_type("b", "small"), &types()).get("cpu"), 2000);
}

#[test]
fn a_limit_of_zero_is_a_limit_and_the_limit_itself_is_allowed() {
    let limits = [(ResourceName::from("cpu"), 4000), (ResourceName::from("nvidia.com/gpu"), 0)];
    assert_eq!(exceeded(&limits, &Resources::new().with("cpu", 4000)), None);
    assert_eq!(exceeded(&limits, &Resources::new().with("cpu", 4001)), Some(&limits[0].0));
    assert_eq!(exceeded(&limits, &Resources::new().with("nvidia.com/gpu", 1)), Some(&limits[1].0));
}

#[test]
fn all_are_admitted_or_the_last_by_name_give_way_and_nobody_goes_before_they_are_gone() {
    let listed = [of_type("a", "small"), of_type("b", "small"), of_type("c", "small")];
    let limits = [(ResourceName::from("nodes"), 2)];
    assert_eq!(judged(Some(&limits), &listed[..2], &["a", "b"]), Verdict { admitted: names(&["a", "b"]), surplus: names(&[]) });
    assert_eq!(judged(Some(&limits), &listed, &["a", "b", "c"]), Verdict { admitted: names(&[]), surplus: names(&["c"]) });
    assert_eq!(
        judged(Some(&limits), &listed, &["a"]),
        Verdict { admitted: names(&[]), surplus: names(&["a"]) },
        "those of others count and are not ours to delete"
    );
}

#[test]
fn unreadable_limits_admit_nobody_and_delete_nobody() {
    assert_eq!(judged(None, &[of_type("a", "small")], &["a"]), Verdict::default());
}

#[test]
fn other_pools_do_not_count() {
    let mut other = of_type("x", "large");
    other.pool = NodePoolName::from("other");
    let limits = [(ResourceName::from("cpu"), 2000)];
    assert_eq!(judged(Some(&limits), &[other, of_type("a", "small")], &["a", "x"]).admitted, names(&["a"]));
}
