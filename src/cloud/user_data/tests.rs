use super::{ApiServer, Bootstrap, UserDataError, user_data};
use crate::api::ec2_node_class::{AmiFamily, KubeletConfiguration};
use serde_json::{Value, json};
use windlass_solver::{Labels, Taint, TaintEffect};

fn server() -> ApiServer {
    ApiServer {
        cluster: "test".into(),
        url: "https://example.eks.amazonaws.com".into(),
        certificate_authority: "Y2E=".into(),
        service_cidr: Some("10.100.0.0/16".into()),
    }
}

/// Labels of every sort, and two taints.
fn labels() -> Labels {
    [("karpenter.sh/nodepool", "default"), ("team", "a"), ("node-role.kubernetes.io/worker", "true"), ("x.k8s.io/y", "z")]
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

fn taints() -> Vec<Taint> {
    vec![
        Taint { key: "dedicated".into(), value: "spark".into(), effect: TaintEffect::NoSchedule },
        Taint { key: "karpenter.sh/unregistered".into(), value: "".into(), effect: TaintEffect::NoExecute },
    ]
}

fn kubelet(value: Value) -> KubeletConfiguration {
    serde_json::from_value(value).unwrap()
}

/// Every setting that all families know.
fn all_settings() -> KubeletConfiguration {
    kubelet(json!({
        "clusterDNS": ["10.0.0.10"], "maxPods": 1, "podsPerCore": 4,
        "systemReserved": { "cpu": "100m", "pid": 100 }, "kubeReserved": { "memory": "1Gi" },
        "evictionHard": { "memory.available": "5%" }, "evictionSoft": { "memory.available": "500Mi" },
        "evictionSoftGracePeriod": { "memory.available": "1m" }, "evictionMaxPodGracePeriod": 60,
        "imageGCHighThresholdPercent": 85, "imageGCLowThresholdPercent": 80, "cpuCFSQuota": false
    }))
}

struct Case {
    server: ApiServer,
    kubelet: KubeletConfiguration,
    labels: Labels,
    taints: Vec<Taint>,
    max_pods: Option<i64>,
    raid0: bool,
    custom: Option<String>,
}

impl Case {
    fn new() -> Self {
        let (labels, taints) = (labels(), taints());
        Self { server: server(), kubelet: kubelet(json!({})), labels, taints, max_pods: Some(58), raid0: false, custom: None }
    }

    fn custom(text: &str) -> Self {
        Self { custom: Some(text.to_owned()), ..Self::new() }
    }

    fn of(&self, family: AmiFamily) -> Result<Option<String>, UserDataError> {
        let Self { server, kubelet, labels, taints, max_pods, raid0, custom } = self;
        let custom = custom.as_deref();
        user_data(family, &Bootstrap { api_server: server, kubelet, max_pods: *max_pods, labels, taints, raid0: *raid0, custom })
    }

    fn text(&self, family: AmiFamily) -> String {
        self.of(family).unwrap().unwrap()
    }
}

/// Type and body of each part.
fn parts(text: &str) -> Vec<(String, String)> {
    let (head, body) = text.split_once("\n\n").unwrap();
    let boundary =
        head.strip_prefix("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"").unwrap().strip_suffix('"').unwrap();
    let body = body.strip_prefix(&format!("--{boundary}\n")).unwrap().strip_suffix(&format!("--{boundary}--\n")).unwrap();
    let marker = format!("--{boundary}\n");
    body.split(&marker)
        .map(|part| {
            let (headers, body) = part.split_once("\n\n").unwrap();
            let kind = headers.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap();
            (kind.split(';').next().unwrap().to_owned(), body.to_owned())
        })
        .collect()
}

fn node_config(case: &Case) -> Value {
    let parts = parts(&case.text(AmiFamily::AL2023));
    let (kind, body) = parts.last().unwrap();
    assert_eq!(kind, "application/node.eks.aws");
    serde_json::from_str(body).unwrap()
}

#[test]
fn al2023_gets_a_node_config() {
    let config = node_config(&Case { raid0: true, ..Case::new() });
    assert_eq!(
        config,
        json!({
            "apiVersion": "node.eks.aws/v1alpha1",
            "kind": "NodeConfig",
            "spec": {
                "cluster": {
                    "name": "test", "apiServerEndpoint": "https://example.eks.amazonaws.com", "certificateAuthority": "Y2E=",
                    "cidr": "10.100.0.0/16"
                },
                "kubelet": {
                    "config": {
                        "clusterDNS": ["10.100.0.10"], "maxPods": 58,
                        "registerWithTaints": [
                            { "key": "dedicated", "value": "spark", "effect": "NoSchedule" },
                            { "key": "karpenter.sh/unregistered", "effect": "NoExecute" }
                        ]
                    },
                    "flags": ["--node-labels=karpenter.sh/do-not-sync-taints=true,karpenter.sh/nodepool=default,team=a"]
                },
                "instance": { "localStorage": { "strategy": "RAID0" } }
            }
        })
    );
}

#[test]
fn al2023_passes_every_setting_on() {
    let mut settings = all_settings();
    settings.other.insert("registryPullQPS".into(), json!(20));
    let config = node_config(&Case { kubelet: settings, ..Case::new() });
    let kubelet = &config["spec"]["kubelet"]["config"];
    assert_eq!(kubelet["clusterDNS"], json!(["10.0.0.10"]));
    assert_eq!(kubelet["maxPods"], json!(58), "the number for the instance type, which has the class's maximum in it");
    assert_eq!(kubelet["systemReserved"], json!({ "cpu": "100m", "pid": "100" }));
    assert_eq!(kubelet["evictionSoftGracePeriod"], json!({ "memory.available": "1m" }));
    assert_eq!((&kubelet["cpuCFSQuota"], &kubelet["podsPerCore"]), (&json!(false), &json!(4)));
    assert_eq!((&kubelet["imageGCHighThresholdPercent"], &kubelet["registryPullQPS"]), (&json!(85), &json!(20)));
    let mut settings = all_settings();
    settings.other.insert("registerWithTaints".into(), json!([]));
    assert_eq!(Case { kubelet: settings, ..Case::new() }.of(AmiFamily::AL2023), Err(UserDataError::Taints));
}

#[test]
fn al2023_takes_scripts_configurations_and_documents() {
    let kinds = |custom: &str| {
        let parts = parts(&Case::custom(custom).text(AmiFamily::AL2023));
        parts.iter().map(|(kind, _)| kind.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("#!/bin/bash\necho: hello"), ["text/x-shellscript", "application/node.eks.aws"]);
    assert_eq!(kinds("echo hello"), ["text/x-shellscript", "application/node.eks.aws"]);
    assert_eq!(kinds("#cloud-config\nruncmd: [ls]"), ["text/cloud-config", "application/node.eks.aws"]);
    let config = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {kubelet: {flags: [--v=4]}}";
    assert_eq!(kinds(config), ["application/node.eks.aws", "application/node.eks.aws"]);
    let document = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"//\"\r\n\r\n--//\r\nContent-Type: text/x-shellscript; \
                    charset=\"us-ascii\"\r\n\r\n#!/bin/bash\r\necho one\r\n\r\n--//\r\nContent-Type: text/cloud-config\r\n\r\n\
                    runcmd: []\r\n--//--\r\nepilogue";
    let parts = parts(&Case::custom(document).text(AmiFamily::AL2023));
    assert_eq!(parts.len(), 3);
    assert_eq!(
        parts[0],
        ("text/x-shellscript".into(), "#!/bin/bash\necho one\n\n".into()),
        "kept as it is, blank lines included"
    );
    assert_eq!(parts[1], ("text/cloud-config".into(), "runcmd: []\n".into()));
    let broken = Case::custom("MIME-Version: 1.0\n\n--//\nhello").of(AmiFamily::AL2023);
    assert!(matches!(broken, Err(UserDataError::Format(message)) if message.contains("boundary")));
    // A part that contains the boundary we would use.
    let parts = self::parts(&Case::custom("echo --WINDLASS").text(AmiFamily::AL2023));
    assert_eq!(parts.len(), 2);
    // Bytes at odd places must not stop us.
    assert!(
        Case::custom("MIME-Version: 1.0\nContent-Type: multipart/mixed; İboundary=\"b\"\n\n--b\nx").of(AmiFamily::AL2023).is_ok()
    );
}

#[test]
fn al2023_needs_service_addresses_of_either_family() {
    let mut case = Case::new();
    case.server.service_cidr = None;
    assert_eq!(case.of(AmiFamily::AL2023), Err(UserDataError::NoServiceCidr));
    case.server.service_cidr = Some("fd00:1234::/108".into());
    assert_eq!(node_config(&case)["spec"]["kubelet"]["config"]["clusterDNS"], json!(["fd00:1234::a"]));
}

#[test]
fn al2_calls_its_script() {
    let case = Case { kubelet: all_settings(), raid0: true, ..Case::custom("#!/bin/bash\necho hello") };
    let parts = parts(&case.text(AmiFamily::AL2));
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0], ("text/x-shellscript".into(), "#!/bin/bash\necho hello\n".into()));
    let expected = "/etc/eks/bootstrap.sh \\
  'test' \\
  --apiserver-endpoint 'https://example.eks.amazonaws.com' \\
  --b64-cluster-ca 'Y2E=' \\
  --dns-cluster-ip '10.0.0.10' \\
  --use-max-pods false \\
  --local-disks raid0 \\
  --kubelet-extra-args '--node-labels=karpenter.sh/do-not-sync-taints=true,karpenter.sh/nodepool=default,team=a \
--register-with-taints=dedicated=spark:NoSchedule,karpenter.sh/unregistered=:NoExecute --max-pods=58 --pods-per-core=4 \
--system-reserved=cpu=100m,pid=100 --kube-reserved=memory=1Gi --eviction-hard=memory.available<5% \
--eviction-soft=memory.available<500Mi --eviction-soft-grace-period=memory.available=1m --eviction-max-pod-grace-period=60 \
--image-gc-high-threshold=85 --image-gc-low-threshold=80 --cpu-cfs-quota=false'\n";
    assert!(parts[1].1.ends_with(expected), "{}", parts[1].1);
    let mut ipv6 = Case::new();
    ipv6.server.service_cidr = Some("fd00::/108".into());
    ipv6.server.cluster = "it's".into();
    let text = ipv6.text(AmiFamily::AL2);
    assert!(text.contains("--ip-family ipv6 --service-ipv6-cidr 'fd00::/108'") && text.contains(r"'it'\''s'"), "{text}");
}

#[test]
fn what_a_command_line_cannot_carry_is_refused() {
    let other = kubelet(json!({ "registryPullQPS": 20 }));
    for (family, name) in [(AmiFamily::AL2, "AL2"), (AmiFamily::Bottlerocket, "Bottlerocket")] {
        let refused = Case { kubelet: other.clone(), ..Case::new() }.of(family);
        assert_eq!(refused, Err(UserDataError::Setting { setting: "registryPullQPS".into(), family: name }));
    }
    let spaced = kubelet(json!({ "evictionSoftGracePeriod": { "memory.available": "1m' --read-only-port=10255" } }));
    assert!(matches!(Case { kubelet: spaced, ..Case::new() }.of(AmiFamily::AL2), Err(UserDataError::Invalid(_))));
    for family in [AmiFamily::AL2, AmiFamily::AL2023, AmiFamily::Bottlerocket] {
        let mut case = Case::new();
        case.labels.insert("team".into(), "a,b=c d".into());
        assert_eq!(case.of(family), Err(UserDataError::Invalid("a,b=c d".into())));
        let mut case = Case::new();
        case.taints[0].value = "x y".into();
        assert_eq!(case.of(family), Err(UserDataError::Invalid("x y".into())));
    }
}

#[test]
fn bottlerocket_settings_are_merged() {
    let written = "# mine\n[settings.host-containers.admin]\nenabled = true\n\n[settings.kubernetes]\nmax-pods = 5\ncluster-name = \"other\"\n\
                   allowed-unsafe-sysctls = [\"net.core.somaxconn\"]\nnode-labels = { mine = \"yes\", team = \"b\" }\n\
                   node-taints.old = [\"x:NoSchedule\"]\n";
    let case = Case { kubelet: all_settings(), raid0: true, ..Case::custom(written) };
    let text = case.text(AmiFamily::Bottlerocket);
    assert!(text.starts_with("# mine\n"), "{text}");
    let document: toml_edit::DocumentMut = text.parse().unwrap();
    let settings = &document["settings"];
    assert_eq!(settings["host-containers"]["admin"]["enabled"].as_bool(), Some(true));
    let kubernetes = &settings["kubernetes"];
    let text = |item: &toml_edit::Item| item.as_str().unwrap().to_owned();
    assert_eq!(text(&kubernetes["cluster-name"]), "test");
    assert_eq!(text(&kubernetes["api-server"]), "https://example.eks.amazonaws.com");
    assert_eq!(text(&kubernetes["cluster-certificate"]), "Y2E=");
    assert_eq!(text(&kubernetes["cluster-dns-ip"]), "10.0.0.10");
    assert_eq!(kubernetes["max-pods"].as_integer(), Some(58));
    assert_eq!(kubernetes["allowed-unsafe-sysctls"].as_array().unwrap().len(), 1);
    let labels = &kubernetes["node-labels"];
    assert_eq!((text(&labels["mine"]), text(&labels["team"])), ("yes".into(), "a".into()));
    assert_eq!(text(&labels["karpenter.sh/nodepool"]), "default");
    assert!(labels.get("node-role.kubernetes.io/worker").is_none());
    let taints = &kubernetes["node-taints"];
    assert_eq!(taints["dedicated"][0].as_str(), Some("spark:NoSchedule"));
    assert_eq!(taints["karpenter.sh/unregistered"][0].as_str(), Some(":NoExecute"));
    assert!(taints.get("old").is_none(), "taints are ours alone");
    assert_eq!(text(&kubernetes["eviction-hard"]["memory.available"]), "5%");
    assert_eq!(text(&kubernetes["system-reserved"]["pid"]), "100");
    assert_eq!(text(&kubernetes["image-gc-high-threshold-percent"]), "85");
    assert_eq!(kubernetes["cpu-cfs-quota-enforced"].as_bool(), Some(false));
    let mount = &settings["bootstrap-commands"]["000-mount-instance-storage"];
    assert_eq!(mount["commands"][1][2].as_str(), Some("bind"));
    assert_eq!((mount["mode"].as_str(), mount["essential"].as_bool()), (Some("always"), Some(true)));
}

#[test]
fn bottlerocket_that_is_no_settings_is_refused() {
    for written in ["#!/bin/bash\necho", "settings = 1", "[settings]\nkubernetes = []"] {
        assert!(matches!(Case::custom(written).of(AmiFamily::Bottlerocket), Err(UserDataError::Format(_))), "{written}");
    }
}

#[test]
fn custom_is_kept_windows_refused_and_length_limited() {
    assert_eq!(Case::custom(" as is \r\n").of(AmiFamily::Custom), Ok(Some(" as is \r\n".into())));
    assert_eq!(Case::new().of(AmiFamily::Custom), Ok(None));
    assert_eq!(Case::new().of(AmiFamily::Windows2022), Err(UserDataError::Family("Windows2022")));
    let long = Case::custom(&"x".repeat(16_384));
    assert_eq!(long.of(AmiFamily::Custom).map(|text| text.map(|text| text.len())), Ok(Some(16_384)));
    assert!(matches!(long.of(AmiFamily::AL2), Err(UserDataError::TooLong(length)) if length > 16_384));
}
