use super::{Outstanding, Prepared, fulfilment};
use crate::api::NodeClassRef;
use crate::cloud::{CloudError, Launch};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_ec2::{FleetAnswer, FleetError, FleetInstance, FleetRequest};
use windlass_solver::{CapacityType, InstanceTypeName, Labels, NodePoolName, Zone};

fn offering(kind: &str, zone: &str) -> (InstanceTypeName, Zone) {
    (InstanceTypeName::from(kind), Zone::from(zone))
}

fn launch() -> Launch {
    Launch {
        token: "t".into(),
        count: 2,
        pool: NodePoolName::from("default"),
        node_class: NodeClassRef::default(),
        capacity_type: CapacityType::Spot,
        offerings: vec![offering("m5.large", "a"), offering("m5.xlarge", "b")],
        labels: Labels::new(),
        taints: Vec::new(),
        tags: BTreeMap::new(),
    }
}

fn prepared() -> Prepared {
    let tags = BTreeMap::from([("mine".to_owned(), "yes".to_owned())]);
    let request = FleetRequest { token: "t".into(), count: 2, spot: true, templates: Vec::new(), tags, context: None };
    Prepared { request, templates: Vec::new(), impossible: vec![offering("m1.small", "c")] }
}

fn instance(id: &str) -> FleetInstance {
    let (instance_type, zone, image) = ("m5.large".to_owned(), "a".to_owned(), "ami-1".to_owned());
    FleetInstance { id: id.to_owned(), instance_type, zone, subnet: "subnet-1".into(), image, spot: true }
}

fn error(code: &str, kind: &str, zone: &str) -> FleetError {
    let (instance_type, zone, code) = (kind.to_owned(), zone.to_owned(), code.to_owned());
    FleetError { instance_type, zone, code, message: "why".into(), ..FleetError::default() }
}

/// Ids of instances, and shortages as `type/zone`.
fn read(instances: &[FleetInstance], errors: &[FleetError]) -> Result<(Vec<String>, Vec<String>), CloudError> {
    let answer = FleetAnswer { instances: instances.to_vec(), errors: errors.to_vec() };
    let found = fulfilment(&prepared(), &launch(), answer)?;
    assert!(found.instances.iter().all(|instance| instance.tags["mine"] == "yes" && instance.image == "ami-1"));
    let shortages = found.shortages.iter().map(|shortage| format!("{}/{}", shortage.instance_type, shortage.zone));
    Ok((found.instances.iter().map(|instance| instance.id.to_string()).collect(), shortages.collect()))
}

#[test]
fn errors_of_single_offerings_are_shortages() {
    let some = read(&[instance("i-1")], &[error("InsufficientInstanceCapacity", "m5.xlarge", "b")]);
    assert_eq!(some, Ok((vec!["i-1".into()], vec!["m1.small/c".into(), "m5.xlarge/b".into()])));
    let none = read(&[], &[error("VcpuLimitExceeded", "m5.large", "a"), error("InvalidParameterValue", "m5.xlarge", "b")]);
    assert_eq!(none, Ok((vec![], vec!["m1.small/c".into(), "m5.large/a".into(), "m5.xlarge/b".into()])));
    let unfit = read(&[instance("i-1")], &[error("InvalidParameterValue", "m5.xlarge", "b")]);
    assert_eq!(
        unfit,
        Ok((vec!["i-1".into()], vec!["m1.small/c".into(), "m5.xlarge/b".into()])),
        "what worked elsewhere is avoided"
    );
}

#[test]
fn errors_of_everything_are_shortages_of_everything() {
    let all = vec!["m1.small/c".to_owned(), "m5.large/a".to_owned(), "m5.xlarge/b".to_owned()];
    assert_eq!(
        read(&[], &[error("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "m5.large", "a")]),
        Ok((vec![], all.clone()))
    );
    assert_eq!(read(&[], &[error("MaxSpotInstanceCountExceeded", "", "")]), Ok((vec![], all)));
}

#[test]
fn a_request_that_can_never_work_is_refused() {
    let refused = read(&[], &[error("UnauthorizedOperation", "m5.large", "a")]);
    assert_eq!(refused, Err(CloudError::Fruitless("CreateFleet: UnauthorizedOperation: why".into())));
}

#[test]
fn an_answer_that_says_nothing_leaves_it_to_the_lists() {
    assert_eq!(read(&[], &[]), Err(CloudError::TokenMismatch));
}

#[test]
fn launches_of_unknown_outcome_are_kept_as_they_were_sent() {
    let mut outstanding = Outstanding::default();
    let first = Arc::new(prepared());
    outstanding.keep("t", &first);
    let other = Arc::new(Prepared { impossible: Vec::new(), ..prepared() });
    outstanding.keep("t", &other);
    assert!(Arc::ptr_eq(&outstanding.find("t").unwrap(), &first));
    outstanding.settle("t");
    assert_eq!(outstanding.find("t"), None);
    for number in 0..=super::OUTSTANDING_MAX {
        outstanding.keep(&number.to_string(), &first);
    }
    assert_eq!((outstanding.find("0"), outstanding.kept.len()), (None, super::OUTSTANDING_MAX), "bounded, the oldest go first");
}
