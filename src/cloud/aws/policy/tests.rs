use super::{Owner, grants};
use serde_json::Value;
use std::collections::BTreeSet;
use windlass_ec2::Action;

fn owner() -> Owner {
    Owner {
        partition: "aws".into(),
        account: "123456789012".into(),
        region: "us-west-2".into(),
        cluster: "test".into(),
        node_role: "arn:aws:iam::123456789012:role/test-node".into(),
    }
}

fn statements() -> Vec<Value> {
    owner().policy()["Statement"].as_array().unwrap().clone()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// What AWS checks beside the call itself, when that call is made.
const IMPLIED: [&str; 4] = ["ec2:CreateTags", "ec2:RunInstances", "iam:PassRole", "iam:TagInstanceProfile"];

#[test]
fn every_call_is_allowed_and_nothing_else() {
    let allowed: BTreeSet<String> = statements().iter().flat_map(|statement| words(&statement["Action"])).collect();
    let made = Action::ALL.iter().map(|action| action.as_str());
    assert_eq!(allowed, made.chain(IMPLIED).map(str::to_owned).collect());
    for action in Action::ALL {
        assert!(grants(*action).iter().any(|(_, name)| *name == action.as_str()), "{action} grants itself");
    }
}

#[test]
fn what_changes_something_is_bound_to_the_cluster() {
    for statement in statements() {
        let (name, actions, resources) =
            (statement["Sid"].as_str().unwrap(), words(&statement["Action"]), words(&statement["Resource"]));
        let is_read = |action: &String| action.contains(":Describe") || action.contains(":Get") || action.contains(":List");
        let all = statement.to_string();
        let is_bound = all.contains("kubernetes.io/cluster/test")
            || all.contains("/windlass/us-west-2/test/")
            || all.contains("role/test-node");
        assert!(actions.iter().all(is_read) || is_bound || name == "LaunchInputs", "{statement}");
        assert!(!resources.contains(&"*".to_owned()) || actions.iter().all(is_read), "{statement}");
        assert!(actions.iter().all(|action| !action.contains('*')), "{statement}");
    }
}

#[test]
fn terminating_needs_the_tags_of_the_instance() {
    let all = statements();
    let found: Vec<&Value> =
        all.iter().filter(|statement| words(&statement["Action"]).contains(&"ec2:TerminateInstances".to_owned())).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["Condition"]["StringEquals"]["aws:ResourceTag/kubernetes.io/cluster/test"], "owned");
    assert_eq!(found[0]["Condition"]["StringLike"]["aws:ResourceTag/karpenter.sh/nodepool"], "*");
}

#[test]
fn the_shipped_policy_is_the_generated_one() {
    let owner = Owner {
        partition: "${PARTITION}".into(),
        account: "${ACCOUNT}".into(),
        region: "${REGION}".into(),
        cluster: "${CLUSTER}".into(),
        node_role: "${NODE_ROLE_ARN}".into(),
    };
    let generated = format!("{}\n", serde_json::to_string_pretty(&owner.policy()).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/iam/policy.json");
    let shipped = std::fs::read_to_string(path).unwrap_or_default();
    assert!(shipped == generated, "deploy/iam/policy.json is not what the code needs; it should be:\n{generated}");
}
