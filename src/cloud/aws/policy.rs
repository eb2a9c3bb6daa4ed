//! The IAM policy of the controller, derived from the calls that it makes: each [`Action`] has its statement here, and nothing else does.

use crate::api::label;
use crate::cloud::cluster_tag;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use windlass_ec2::Action;

/// Whose controller the policy is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Account id.
    pub account: String,
    /// Region.
    pub region: String,
    /// Name of the cluster.
    pub cluster: String,
    /// ARN of the nodes' role.
    pub node_role: String,
}

/// What a call is allowed on and under which conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grant {
    /// Lists of the region; AWS knows no resources for them.
    RegionalRead,
    /// Parameters that AWS publishes.
    PublicParameters,
    /// The cluster.
    Cluster,
    /// What a launch takes from the account: images, snapshots, networks.
    LaunchInputs,
    /// Launch templates of ours.
    OwnedTemplates,
    /// What a launch makes; only with the tags that make it ours.
    TaggedCreation,
    /// The tags of what is made, only while it is made.
    TaggingAtCreation,
    /// The end of what carries our tags.
    OwnedDeletion,
    /// The nodes' role, for EC2 alone.
    PassNodeRole,
    /// Instance profiles of the cluster, which lie in a folder of their own.
    InstanceProfiles,
    /// Reading instance profiles: one that does not exist lies in no folder.
    InstanceProfileRead,
}

/// The grants that a call needs, with the names of the actions: AWS asks for some that are no calls of ours.
fn grants(action: Action) -> &'static [(Grant, &'static str)] {
    use Grant::{
        Cluster, InstanceProfileRead, InstanceProfiles, LaunchInputs, OwnedDeletion, OwnedTemplates, PassNodeRole,
        PublicParameters, RegionalRead, TaggedCreation, TaggingAtCreation,
    };
    match action {
        Action::CreateFleet => &[
            (LaunchInputs, "ec2:CreateFleet"),
            (LaunchInputs, "ec2:RunInstances"),
            (OwnedTemplates, "ec2:CreateFleet"),
            (OwnedTemplates, "ec2:RunInstances"),
            (TaggedCreation, "ec2:CreateFleet"),
            (TaggedCreation, "ec2:RunInstances"),
            (TaggingAtCreation, "ec2:CreateTags"),
            (PassNodeRole, "iam:PassRole"),
        ],
        Action::CreateLaunchTemplate => &[(TaggedCreation, "ec2:CreateLaunchTemplate"), (TaggingAtCreation, "ec2:CreateTags")],
        Action::TerminateInstances => &[(OwnedDeletion, "ec2:TerminateInstances")],
        Action::DeleteLaunchTemplate => &[(OwnedDeletion, "ec2:DeleteLaunchTemplate")],
        Action::DescribeInstances => &[(RegionalRead, "ec2:DescribeInstances")],
        Action::DescribeLaunchTemplates => &[(RegionalRead, "ec2:DescribeLaunchTemplates")],
        Action::DescribeSubnets => &[(RegionalRead, "ec2:DescribeSubnets")],
        Action::DescribeSecurityGroups => &[(RegionalRead, "ec2:DescribeSecurityGroups")],
        Action::DescribeImages => &[(RegionalRead, "ec2:DescribeImages")],
        Action::GetParameter => &[(PublicParameters, "ssm:GetParameter")],
        Action::DescribeCluster => &[(Cluster, "eks:DescribeCluster")],
        Action::GetInstanceProfile => &[(InstanceProfileRead, "iam:GetInstanceProfile")],
        Action::ListInstanceProfiles => &[(InstanceProfileRead, "iam:ListInstanceProfiles")],
        Action::CreateInstanceProfile => {
            &[(InstanceProfiles, "iam:CreateInstanceProfile"), (InstanceProfiles, "iam:TagInstanceProfile")]
        }
        Action::AddRoleToInstanceProfile => &[(InstanceProfiles, "iam:AddRoleToInstanceProfile"), (PassNodeRole, "iam:PassRole")],
        Action::RemoveRoleFromInstanceProfile => &[(InstanceProfiles, "iam:RemoveRoleFromInstanceProfile")],
        Action::DeleteInstanceProfile => &[(InstanceProfiles, "iam:DeleteInstanceProfile")],
    }
}

impl Owner {
    /// The policy document: everything the controller does and nothing more. Without classes that name a `role` the statement
    /// `InstanceProfiles` can be left out.
    pub fn policy(&self) -> Value {
        let mut actions: BTreeMap<Grant, Vec<&str>> = BTreeMap::new();
        for (grant, action) in Action::ALL.iter().flat_map(|action| grants(*action)) {
            actions.entry(*grant).or_default().push(action);
        }
        let statements: Vec<Value> = actions
            .into_iter()
            .map(|(grant, mut actions)| {
                actions.sort_unstable();
                actions.dedup();
                self.statement(grant, &actions)
            })
            .collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    fn statement(&self, grant: Grant, actions: &[&str]) -> Value {
        let Self { partition, account, region, cluster, .. } = self;
        let made = ["fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"];
        let (resources, condition) = match grant {
            Grant::RegionalRead => (vec!["*".to_owned()], json!({ "StringEquals": { "aws:RequestedRegion": region } })),
            Grant::PublicParameters => (vec![format!("arn:{partition}:ssm:{region}::parameter/aws/service/*")], Value::Null),
            Grant::Cluster => (vec![format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}")], Value::Null),
            Grant::LaunchInputs => (self.launch_inputs(), Value::Null),
            Grant::OwnedTemplates => (self.ec2(&["launch-template"]), self.tagged("aws:ResourceTag")),
            Grant::TaggedCreation => (self.ec2(&made), self.tagged("aws:RequestTag")),
            Grant::TaggingAtCreation => {
                let mut condition = self.tagged("aws:RequestTag");
                condition["StringEquals"]["ec2:CreateAction"] = json!(["CreateFleet", "CreateLaunchTemplate", "RunInstances"]);
                (self.ec2(&made), condition)
            }
            Grant::OwnedDeletion => (self.ec2(&["instance", "launch-template"]), self.tagged("aws:ResourceTag")),
            Grant::PassNodeRole => {
                let service = if partition == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
                (vec![self.node_role.clone()], json!({ "StringEquals": { "iam:PassedToService": service } }))
            }
            Grant::InstanceProfiles => {
                (vec![format!("arn:{partition}:iam::{account}:instance-profile/windlass/{region}/{cluster}/*")], Value::Null)
            }
            Grant::InstanceProfileRead => (vec![format!("arn:{partition}:iam::{account}:instance-profile/*")], Value::Null),
        };
        let mut statement = json!({ "Sid": format!("{grant:?}"), "Effect": "Allow", "Action": actions, "Resource": resources });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        statement
    }

    /// The tags that make something ours.
    fn tagged(&self, whose: &str) -> Value {
        let (owned, pool) = (format!("{whose}/{}", cluster_tag(&self.cluster)), format!("{whose}/{}", label::NODE_POOL));
        json!({ "StringEquals": { owned: "owned" }, "StringLike": { pool: "*" } })
    }

    /// Images and snapshots belong to whoever published them.
    fn launch_inputs(&self) -> Vec<String> {
        let Self { partition, region, .. } = self;
        let mut all: Vec<String> =
            ["image", "snapshot"].iter().map(|kind| format!("arn:{partition}:ec2:{region}::{kind}/*")).collect();
        all.extend(self.ec2(&["security-group", "subnet"]));
        all
    }

    fn ec2(&self, kinds: &[&str]) -> Vec<String> {
        let Self { partition, account, region, .. } = self;
        kinds.iter().map(|kind| format!("arn:{partition}:ec2:{region}:{account}:{kind}/*")).collect()
    }
}

#[cfg(test)]
mod tests;
