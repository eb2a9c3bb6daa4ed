//! Every AWS call that a controller makes, once: whoever is to be allowed them, and whoever counts them, reads this list.

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident;)+) => {
        /// A call of an AWS API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)+
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name that IAM policies use, such as `ec2:CreateFleet`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Whether it changes something.
            pub const fn is_write(self) -> bool {
                match self {
                    $(Self::$name => actions!(@$kind),)+
                }
            }
        }
    };
    (@read) => { false };
    (@write) => { true };
}

actions! {
    /// Launches instances.
    CreateFleet = "ec2:CreateFleet", write;
    /// Ends instances.
    TerminateInstances = "ec2:TerminateInstances", write;
    /// Lists instances.
    DescribeInstances = "ec2:DescribeInstances", read;
    /// Makes what a fleet launches from.
    CreateLaunchTemplate = "ec2:CreateLaunchTemplate", write;
    /// Lists launch templates.
    DescribeLaunchTemplates = "ec2:DescribeLaunchTemplates", read;
    /// Removes a launch template.
    DeleteLaunchTemplate = "ec2:DeleteLaunchTemplate", write;
    /// Finds subnets.
    DescribeSubnets = "ec2:DescribeSubnets", read;
    /// Finds security groups.
    DescribeSecurityGroups = "ec2:DescribeSecurityGroups", read;
    /// Finds images.
    DescribeImages = "ec2:DescribeImages", read;
    /// Reads which image an alias stands for.
    GetParameter = "ssm:GetParameter", read;
    /// Reads the cluster's endpoint, authority, service addresses and version.
    DescribeCluster = "eks:DescribeCluster", read;
    /// Reads an instance profile.
    GetInstanceProfile = "iam:GetInstanceProfile", read;
    /// Lists the instance profiles of a cluster.
    ListInstanceProfiles = "iam:ListInstanceProfiles", read;
    /// Makes an instance profile for a role.
    CreateInstanceProfile = "iam:CreateInstanceProfile", write;
    /// Puts the role in.
    AddRoleToInstanceProfile = "iam:AddRoleToInstanceProfile", write;
    /// Takes a role out.
    RemoveRoleFromInstanceProfile = "iam:RemoveRoleFromInstanceProfile", write;
    /// Removes an instance profile.
    DeleteInstanceProfile = "iam:DeleteInstanceProfile", write;
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
