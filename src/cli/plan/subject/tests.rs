use super::resolve;
use std::sync::Arc;
use windlass_solver::{Labels, ObjectKey, Options, Plan, Pod, PodShape, Snapshot, Subject, solve};

fn pod(namespace: &str, name: &str) -> Pod {
    Pod { key: ObjectKey::new(namespace, name), labels: Arc::new(Labels::new()), shape: Arc::new(PodShape::default()) }
}

/// Three pods, no pool: nothing is launched.
fn input() -> (Snapshot, Plan) {
    let pods = [pod("default", "web-0"), pod("default", "driver"), pod("spark", "driver")];
    let snapshot = Snapshot::builder().pods(pods).build().unwrap();
    let plan = solve(&snapshot, &Options::default());
    (snapshot, plan)
}

fn resolved(text: &str, namespace: Option<&str>) -> Result<String, String> {
    let (snapshot, plan) = input();
    match resolve(text, namespace, &snapshot, &plan) {
        Ok(Subject::Pod(key)) => Ok(key.to_string()),
        Ok(Subject::Node(name)) => Ok(format!("node/{name}")),
        Err(failure) => Err(failure.to_string()),
    }
}

#[test]
fn finds_pods_by_full_name_by_unique_name_and_by_namespace() {
    for (text, namespace) in [("spark/driver", None), ("driver", Some("spark")), ("pod/spark/driver", Some("default"))] {
        assert_eq!(resolved(text, namespace), Ok("spark/driver".into()), "{text}");
    }
    assert_eq!(resolved("web-0", None), Ok("default/web-0".into()));
}

#[test]
fn names_the_choices_where_a_name_is_ambiguous_or_unknown() {
    assert!(resolved("driver", None).unwrap_err().contains("default/driver, spark/driver"));
    assert!(resolved("drivre", None).unwrap_err().contains("did you mean default/driver or spark/driver?"));
    assert!(resolved("web", None).unwrap_err().contains("did you mean default/web-0?"));
    assert_eq!(
        resolved("something-else", None),
        Err("--explain something-else: no pending pod and no planned node has this name".into())
    );
}
