//! Which instance types and offerings a listing shows. Every filter on a label is a requirement, so it means what it means in a NodePool.

use crate::cli::Failure;
use crate::quantity;
use windlass_solver::label::{CAPACITY_TYPE, ZONE};
use windlass_solver::{InstanceType, Labels, Offering, Operator, Requirement, Requirements};

/// Filters of `windlass catalog list`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// Processor architecture, amd64 or arm64; repeat or separate by commas, as for all lists here
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    arch: Vec<String>,

    /// Family, such as m7g
    #[arg(long, value_name = "FAMILY", value_delimiter = ',')]
    family: Vec<String>,

    /// Category: the letters of the family, such as c, m, r
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    category: Vec<String>,

    /// Zone, such as us-west-2b
    #[arg(long, value_name = "ZONE", value_delimiter = ',')]
    zone: Vec<String>,

    /// spot or on-demand
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    capacity_type: Vec<String>,

    /// At least this many vCPUs
    #[arg(long, value_name = "COUNT")]
    min_cpu: Option<u32>,

    /// At most this many vCPUs
    #[arg(long, value_name = "COUNT")]
    max_cpu: Option<u32>,

    /// At least this much memory, such as 16Gi
    #[arg(long, value_name = "QUANTITY", value_parser = mebibytes)]
    min_memory: Option<i64>,

    /// At most this much memory, such as 64Gi
    #[arg(long, value_name = "QUANTITY", value_parser = mebibytes)]
    max_memory: Option<i64>,

    /// Only types with GPUs, or with GPUs of this name (--gpu=t4)
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "absent, given alone, given with a name")]
    gpu: Option<Option<String>>,

    /// Requirement as in a NodePool: 'KEY OPERATOR [VALUE,...]', such as 'karpenter.k8s.aws/instance-generation Gt 5'; repeatable
    #[arg(long, value_name = "REQUIREMENT")]
    requirement: Vec<String>,
}

/// MiB of a memory quantity, rounded up.
fn mebibytes(text: &str) -> Result<i64, String> {
    let bytes = quantity::amount("memory", text).map_err(|error| error.to_string())?;
    Ok(bytes / (1 << 20) + i64::from(bytes % (1 << 20) != 0))
}

impl Filter {
    /// All filters as one set of requirements. Contradictions are errors, not empty lists.
    pub(crate) fn requirements(&self) -> Result<Requirements, Failure> {
        let mut all = Requirements::new();
        for (key, values) in [
            ("kubernetes.io/arch", &self.arch),
            ("karpenter.k8s.aws/instance-family", &self.family),
            ("karpenter.k8s.aws/instance-category", &self.category),
            (ZONE, &self.zone),
            (CAPACITY_TYPE, &self.capacity_type),
        ] {
            if !values.is_empty() {
                all.add(Requirement::new(key, Operator::In, values)?);
            }
        }
        for (key, operator, bound) in [
            ("karpenter.k8s.aws/instance-cpu", Operator::Gte, self.min_cpu.map(i64::from)),
            ("karpenter.k8s.aws/instance-cpu", Operator::Lte, self.max_cpu.map(i64::from)),
            ("karpenter.k8s.aws/instance-memory", Operator::Gte, self.min_memory),
            ("karpenter.k8s.aws/instance-memory", Operator::Lte, self.max_memory),
        ] {
            if let Some(bound) = bound {
                all.add(Requirement::new(key, operator, &[bound.to_string()])?);
            }
        }
        match &self.gpu {
            None => {}
            Some(None) => all.add(Requirement::new("karpenter.k8s.aws/instance-gpu-name", Operator::Exists, &[] as &[&str])?),
            Some(Some(name)) => all.add(Requirement::equals("karpenter.k8s.aws/instance-gpu-name", &name.to_lowercase())),
        }
        for text in &self.requirement {
            all.add(requirement(text)?);
        }
        match all.contradiction() {
            Some(none) => Err(format!("the filters on {} exclude each other", none.key()).into()),
            None => Ok(all),
        }
    }
}

/// Reads `KEY OPERATOR [VALUE,...]`.
fn requirement(text: &str) -> Result<Requirement, Failure> {
    let mut words = text.split_whitespace();
    let (Some(key), Some(operator)) = (words.next(), words.next()) else {
        return Err(format!("--requirement {text:?}: expected 'KEY OPERATOR [VALUE,...]'").into());
    };
    let Some(operator) = Operator::parse(operator) else {
        let known = "In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte or Lte";
        return Err(format!("--requirement {text:?}: {operator:?} is no operator, expected {known}").into());
    };
    let values: Vec<&str> = words.flat_map(|word| word.split(',')).filter(|value| !value.is_empty()).collect();
    Requirement::new(key, operator, &values).map_err(|error| format!("--requirement {text:?}: {error}").into())
}

/// The offerings of a type that satisfy the requirements.
pub(crate) fn matching<'a>(instance: &'a InstanceType, requirements: &Requirements) -> Vec<&'a Offering> {
    let holds = |requirement: &Requirement, labels: &Labels| requirement.allows(labels.get(requirement.key()).map(AsRef::as_ref));
    let of_offering =
        |requirement: &&Requirement| matches!(requirement.key(), ZONE | CAPACITY_TYPE | crate::catalog::labels::ZONE_ID);
    let of_type = requirements.iter().filter(|requirement| !of_offering(requirement));
    if !of_type.into_iter().all(|requirement| holds(requirement, &instance.labels)) {
        return Vec::new();
    }
    let allowed = |offering: &&Offering| {
        requirements.iter().filter(of_offering).all(|requirement| match requirement.key() {
            ZONE => requirement.allows(Some(offering.zone.as_str())),
            CAPACITY_TYPE => requirement.allows(Some(offering.capacity_type.as_str())),
            _ => holds(requirement, &offering.labels),
        })
    };
    instance.offerings.iter().filter(allowed).collect()
}
