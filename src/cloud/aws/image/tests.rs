use super::{of_type, published};
use crate::api::ec2_node_class::Ami;
use windlass_solver::Labels;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

/// The parameter whose image an instance with these labels would start from.
fn starts_from(alias: &str, version: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let amis: Vec<Ami> = published(alias, version)
        .into_iter()
        .map(|published| Ami { id: published.parameter, requirements: published.requirements, ..Ami::default() })
        .collect();
    of_type(&amis, &labels(pairs)).map(str::to_owned)
}

const AMD64: (&str, &str) = ("kubernetes.io/arch", "amd64");
const ARM64: (&str, &str) = ("kubernetes.io/arch", "arm64");
const GPU: (&str, &str) = ("karpenter.k8s.aws/instance-gpu-count", "4");
const NEURON: (&str, &str) = ("karpenter.k8s.aws/instance-accelerator-count", "1");

#[test]
fn each_kind_of_machine_has_its_image() {
    let eks = "/aws/service/eks/optimized-ami/1.37";
    for (alias, machine, expected) in [
        ("al2023@latest", &[AMD64][..], format!("{eks}/amazon-linux-2023/x86_64/standard/recommended/image_id")),
        ("al2023@latest", &[ARM64], format!("{eks}/amazon-linux-2023/arm64/standard/recommended/image_id")),
        ("al2023@latest", &[AMD64, GPU], format!("{eks}/amazon-linux-2023/x86_64/nvidia/recommended/image_id")),
        ("al2023@latest", &[ARM64, GPU], format!("{eks}/amazon-linux-2023/arm64/nvidia/recommended/image_id")),
        ("al2023@latest", &[AMD64, NEURON], format!("{eks}/amazon-linux-2023/x86_64/neuron/recommended/image_id")),
        (
            "al2023@v20260901",
            &[AMD64],
            format!("{eks}/amazon-linux-2023/x86_64/standard/amazon-eks-node-al2023-x86_64-standard-1.37-v20260901/image_id"),
        ),
        ("al2@latest", &[AMD64], format!("{eks}/amazon-linux-2/recommended/image_id")),
        ("al2@latest", &[ARM64], format!("{eks}/amazon-linux-2-arm64/recommended/image_id")),
        ("al2@latest", &[AMD64, GPU], format!("{eks}/amazon-linux-2-gpu/recommended/image_id")),
        ("al2@v1", &[AMD64, NEURON], format!("{eks}/amazon-linux-2-gpu/amazon-eks-gpu-node-1.37-v1/image_id")),
        ("bottlerocket@latest", &[ARM64], "/aws/service/bottlerocket/aws-k8s-1.37/arm64/latest/image_id".into()),
        ("bottlerocket@v1.50.0", &[AMD64, GPU], "/aws/service/bottlerocket/aws-k8s-1.37-nvidia/x86_64/1.50.0/image_id".into()),
        ("bottlerocket@1.50.0", &[AMD64, NEURON], "/aws/service/bottlerocket/aws-k8s-1.37/x86_64/1.50.0/image_id".into()),
    ] {
        assert_eq!(starts_from(alias, "1.37", machine), Some(expected), "{alias} {machine:?}");
    }
    assert_eq!(starts_from("al2@latest", "1.32", &[ARM64, GPU]), None, "there is none");
    assert_eq!(published("windows2022@latest", "1.37"), Vec::new());
}

#[test]
fn the_first_image_that_takes_the_machine_is_used() {
    let ami = |id: &str, arch: &str| Ami {
        id: id.into(),
        requirements: serde_json::from_value(
            serde_json::json!([{ "key": "kubernetes.io/arch", "operator": "In", "values": [arch] }]),
        )
        .unwrap(),
        ..Ami::default()
    };
    let all = [ami("ami-arm", "arm64"), ami("ami-new", "amd64"), ami("ami-old", "amd64")];
    assert_eq!(of_type(&all, &labels(&[AMD64, GPU])), Some("ami-new"));
    assert_eq!(of_type(&all[..1], &labels(&[AMD64])), None);
}
