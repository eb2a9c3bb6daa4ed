"""User data as the images' documents show it, and what an image would stumble over."""

import gzip
import unittest

from user_data import Broken, decode

CLUSTER = """
    name: shop
    apiServerEndpoint: https://api.example
    certificateAuthority: Y2E=
    cidr: 10.100.0.0/16"""
NODE_CONFIG = f"""apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:{CLUSTER}
  kubelet:
    config:
      maxPods: 17
      kubeReserved: {{cpu: 70m, memory: 1Gi}}
      evictionHard: {{memory.available: 5%}}
      registerWithTaints:
      - {{key: first, effect: NoExecute}}
    flags:
    - --node-labels=team=blue,karpenter.sh/nodepool=web
    - --register-with-taints=second=x:NoSchedule,third:PreferNoSchedule
"""
TAINTS = [
    {"key": "first", "effect": "NoExecute"},
    {"key": "second", "value": "x", "effect": "NoSchedule"},
    {"key": "third", "effect": "PreferNoSchedule"},
]
OVERRIDE = """apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: 30
"""
SCRIPT = """#!/bin/bash -xe
exec > >(tee /var/log/user-data.log)
/etc/eks/bootstrap.sh 'shop' --apiserver-endpoint 'https://api.example' --b64-cluster-ca 'Y2E=' \\
--use-max-pods false \\
--kubelet-extra-args '--node-labels="team=blue" --register-with-taints="a=b:NoSchedule" --max-pods=9 --eviction-hard=memory.available<200Mi'
"""
TOML = """[settings.kubernetes]
cluster-name = "shop"
api-server = "https://api.example"
cluster-certificate = "Y2E="
max-pods = 40
[settings.kubernetes.node-labels]
team = "blue"
[settings.kubernetes.node-taints]
a = ["b:NoSchedule", ":NoExecute"]
[settings.kubernetes.kube-reserved]
memory = "1Gi"
"""


def mime(*parts: tuple[str, str]) -> str:
    said = "".join(f"--B\nContent-Type: {content_type}\n\n{body}\n" for content_type, body in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="B"\n\n{said}--B--\n'


class Decode(unittest.TestCase):
    def assert_broken(self, text: str, why: str) -> None:
        with self.assertRaises(Broken) as caught:
            decode(text.encode())
        self.assertIn(why, str(caught.exception))

    def test_al2023(self) -> None:
        kubelet = decode(NODE_CONFIG.encode())
        self.assertEqual((kubelet.family, kubelet.cluster, kubelet.api_server), ("AL2023", "shop", "https://api.example"))
        self.assertEqual(kubelet.labels, {"team": "blue", "karpenter.sh/nodepool": "web"})
        self.assertEqual(kubelet.taints, TAINTS)
        self.assertEqual((kubelet.max_pods, kubelet.kube_reserved), (17, {"cpu": "70m", "memory": "1Gi"}))
        self.assertEqual(kubelet.eviction_hard, {"memory.available": "5%"})

    def test_several_node_configs_in_mime_parts_are_merged(self) -> None:
        script = ("text/x-shellscript", "#!/bin/sh\necho hello\n")
        configs = [("application/node.eks.aws", body) for body in (NODE_CONFIG, OVERRIDE)]
        text = mime(configs[0], script, configs[1])
        for given in (text.encode(), gzip.compress(text.encode())):
            kubelet = decode(given)
            self.assertEqual((kubelet.max_pods, kubelet.taints), (30, TAINTS))

    def test_al2(self) -> None:
        for text in (SCRIPT, mime(("text/x-shellscript", "#!/bin/sh\necho first\n"), ("text/x-shellscript", SCRIPT))):
            kubelet = decode(text.encode())
            self.assertEqual((kubelet.family, kubelet.cluster, kubelet.authority), ("AL2", "shop", "Y2E="))
            self.assertEqual((kubelet.labels, kubelet.max_pods), ({"team": "blue"}, 9))
            self.assertEqual(kubelet.taints, [{"key": "a", "value": "b", "effect": "NoSchedule"}])
            self.assertEqual(kubelet.eviction_hard, {"memory.available": "200Mi"})

    def test_bottlerocket(self) -> None:
        kubelet = decode(TOML.encode())
        self.assertEqual((kubelet.family, kubelet.max_pods, kubelet.kube_reserved), ("Bottlerocket", 40, {"memory": "1Gi"}))
        self.assertEqual(kubelet.taints, [{"key": "a", "value": "b", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}])

    def test_what_an_image_stumbles_over_is_broken(self) -> None:
        self.assert_broken("", "no user data")
        self.assert_broken("#!/bin/sh\necho hello\n", "starts a kubelet")
        self.assert_broken("hello", "neither")
        self.assert_broken(NODE_CONFIG.replace("    cidr: 10.100.0.0/16\n", ""), "lacks cidr")
        self.assert_broken(NODE_CONFIG.replace("second=x:NoSchedule", "second=x:Never"), "does not take the taint")
        self.assert_broken(NODE_CONFIG.replace("v1alpha1", "v9"), "expected a node.eks.aws/v1alpha1")
        self.assert_broken(NODE_CONFIG.replace("Y2E=", "no base64!"), "no base64")
        self.assert_broken(TOML.replace('api-server = "https://api.example"\n', ""), "lacks api-server")

    def test_a_kubelet_may_not_give_itself_every_label(self) -> None:
        for label in ("node-role.kubernetes.io/web", "kubernetes.io/team", "example.k8s.io/team"):
            self.assert_broken(NODE_CONFIG.replace("team=", f"{label}="), label)
        for label in ("node.kubernetes.io/team", "topology.kubernetes.io/zone", "topology.k8s.aws/zone-id", "example.com/team"):
            self.assertIn(label, decode(NODE_CONFIG.replace("team=", f"{label}=").encode()).labels)


if __name__ == "__main__":
    unittest.main()
