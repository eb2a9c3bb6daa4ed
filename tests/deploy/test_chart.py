"""The Helm chart as helm renders it: what it installs, what it refuses, and that nothing is granted or exposed without need."""

import json
import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "chart"
TOOLS = pathlib.Path(subprocess.run([ROOT / "tests" / "deploy" / "tools.sh"], check=True, capture_output=True, text=True).stdout.strip())
RULES = yaml.safe_load((CHART / "files" / "rules.yaml").read_text())

REFERENCE = (ROOT / "docs" / "cli.md").read_text().split("\n## windlass run")[1].split("\n## ")[0]
# For each setting a value that is not its default.
SETTINGS = {
    "clusterEndpoint": "https://abc.eks.amazonaws.com",
    "clusterCaBundle": "LS0tLS1CRUdJTi0=",
    "clusterServiceCidr": "10.100.0.0/16",
    "kubernetesVersion": "1.37",
    "region": "eu-central-1",
    "vmMemoryOverheadPercent": "0.05",
    "reservedEnis": 1,
    "batchIdleDuration": "2s",
    "batchMaxDuration": "1m",
    "minValuesPolicy": "best-effort",
    "preferencePolicy": "ignore",
    "defaultSpread": 'defaultingType: List\ndefaultConstraints:\n- {maxSkew: 1, topologyKey: "a", whenUnsatisfiable: DoNotSchedule}\n',
    "nodeCharge": "0.01",
    "spotRisk": "1.5",
    "spotMinTypes": 5,
    "spotPoolShare": 25,
    "launchTimeout": "10m",
    "registrationTimeout": "30m",
    "expiryJitterPercent": 10,
    "dryRun": True,
    "logFormat": "text",
    "logLevel": "debug",
}
# Flags of the controller that no setting of the chart gives, and why.
NO_SETTING = {
    "--help": "prints and ends",
    "--color": "of output to terminals",
    "--kubeconfig": "in a pod its service account is what counts",
    "--catalog": "a file, and the image has none",
    "--disable-leader-election": "more than one process may run during every rollout",
    "--leader-elect-name": "the namespace of the release tells leases apart",
}


def helm(*arguments):
    return subprocess.run([TOOLS / "helm", *arguments], capture_output=True, text=True)


def template(values=None, cluster="prod"):
    given = {"settings": {"clusterName": cluster}}
    for key, value in (values or {}).items():
        given[key] = {**given.get(key, {}), **value} if isinstance(value, dict) else value
    command = [TOOLS / "helm", "template", "windlass", CHART, "--namespace", "infra", "--values", "-"]
    return subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)


def rendered(values=None):
    done = template(values)
    if done.returncode:
        raise AssertionError(done.stderr)
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def one(objects, kind, name="windlass"):
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def names(objects, kind):
    return sorted(each["metadata"]["name"] for each in objects if each["kind"] == kind)


def arguments(objects):
    return one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]


class Values(unittest.TestCase):
    def refused(self, values, word):
        done = template(values)
        self.assertNotEqual(done.returncode, 0, f"{values} was accepted")
        self.assertIn(word, done.stderr)

    def test_lint_is_clean(self):
        done = helm("lint", "--strict", CHART, "--set", "settings.clusterName=prod")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_cluster_must_be_named(self):
        self.refused({"settings": {"clusterName": ""}}, "clusterName")

    def test_a_typo_is_refused_at_every_depth(self):
        self.refused({"settings": {"batchMaxDuratoin": "10s"}}, "batchMaxDuratoin")
        self.refused({"replica": 2}, "replica")
        self.refused({"podDisruptionBudget": {"minAvailable": 1}}, "minAvailable")
        self.refused({"resources": {"limit": {}}}, "limit")

    def test_a_value_of_the_wrong_kind_is_refused(self):
        self.refused({"settings": {"batchMaxDuration": "banana"}}, "batchMaxDuration")
        self.refused({"settings": {"logLevel": "loud"}}, "logLevel")
        self.refused({"settings": {"preferencePolicy": "prefer"}}, "preferencePolicy")
        self.refused({"settings": {"vmMemoryOverheadPercent": "7.5"}}, "vmMemoryOverheadPercent")
        self.refused({"image": {"digest": "latest"}}, "digest")
        self.refused({"replicas": "two"}, "replicas")
        self.refused({"metrics": {"port": 80}}, "port")

    def test_the_schema_knows_every_value_and_no_other(self):
        def compare(values, schema, path):
            self.assertEqual(schema.get("additionalProperties"), False, path)
            self.assertEqual(set(values), set(schema["properties"]) - {"global", "claims"}, path)
            for key, value in values.items():
                if isinstance(value, dict) and "properties" in schema["properties"][key] and key not in ("resources", "affinity"):
                    compare(value, schema["properties"][key], f"{path}.{key}")

        schema = json.loads((CHART / "values.schema.json").read_text())
        compare(yaml.safe_load((CHART / "values.yaml").read_text()), schema, "values")


class Controller(unittest.TestCase):
    def test_every_setting_is_a_flag_and_every_flag_a_setting_or_has_a_reason(self):
        flags = set(re.findall(r"(?m)^ +(?:-\w, )?(--[a-z-]+)", REFERENCE))
        self.assertIn("--preference-policy", flags)
        given = arguments(rendered({"settings": SETTINGS}))
        self.assertEqual(given[0], "run")
        self.assertLessEqual({each.split("=")[0] for each in given[1:]}, flags)
        self.assertEqual(flags - {each.split("=")[0] for each in given[1:]}, set(NO_SETTING))
        self.assertEqual(set(SETTINGS) | {"clusterName"}, set(yaml.safe_load((CHART / "values.yaml").read_text())["settings"]))
        for name, value in SETTINGS.items():
            flag = "--" + re.sub("[A-Z]", lambda capital: f"-{capital[0].lower()}", name)
            self.assertIn(flag if value is True else f"{flag}={value}", given)
        self.assertIn("--cluster-name=prod", given)

    def test_what_is_left_alone_is_left_to_the_controller(self):
        """The chart's own defaults are those of the flags, but for the logs, which machines read."""
        given = arguments(rendered())[1:]
        self.assertNotIn("--dry-run", given)
        for argument in given:
            flag, _, value = argument.partition("=")
            default = re.search(rf"(?m)^ +{flag} (?:(?!^ +--).)*?^ +\[default: ([^\]]+)\]", REFERENCE, re.DOTALL | re.MULTILINE)
            if default and flag not in ("--log-format", "--leader-elect-namespace"):
                self.assertEqual(value, default[1], flag)

    def test_it_runs_restricted(self):
        pod = one(rendered(), "Deployment")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertFalse(container["securityContext"]["allowPrivilegeEscalation"])
        self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
        self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
        self.assertIn("limits", container["resources"])

    def test_two_replicas_stand_apart_and_off_nodes_that_may_go(self):
        spec = one(rendered(), "Deployment")["spec"]
        self.assertEqual(spec["replicas"], 2)
        affinity = spec["template"]["spec"]["affinity"]
        (apart,) = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(apart["topologyKey"], "kubernetes.io/hostname")
        self.assertEqual(apart["labelSelector"]["matchLabels"], spec["selector"]["matchLabels"])
        (term,) = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        self.assertEqual(term["matchExpressions"], [{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}])

    def test_every_selector_finds_the_pods(self):
        objects = rendered({"serviceMonitor": {"enabled": True}, "networkPolicy": {"enabled": True}})
        labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
        selectors = [
            one(objects, "Deployment")["spec"]["selector"]["matchLabels"],
            one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            one(objects, "Service")["spec"]["selector"],
            one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        ]
        for selector in selectors:
            self.assertTrue(selector)
            self.assertLessEqual(selector.items(), labels.items())
        monitored = one(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
        self.assertLessEqual(monitored.items(), one(objects, "Service")["metadata"]["labels"].items())

    def test_ports_have_the_names_that_others_use(self):
        objects = rendered({"metrics": {"port": 9000}, "health": {"port": 9001}})
        (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
        self.assertEqual({each["name"]: each["containerPort"] for each in container["ports"]}, {"metrics": 9000, "health": 9001})
        self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/healthz", "port": "health"})
        self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "health"})
        self.assertIn("--metrics-address=0.0.0.0:9000", container["args"])
        self.assertIn("--health-address=0.0.0.0:9001", container["args"])

    def test_a_digest_pins_the_image(self):
        digest = "sha256:" + "a" * 64
        pod = one(rendered({"image": {"digest": digest, "tag": "ignored"}}), "Deployment")["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["image"], f"ghcr.io/windlass-dev/windlass@{digest}")


class Permissions(unittest.TestCase):
    def granted(self, values=None):
        objects = rendered(values)
        bound = {each["roleRef"]["name"] for each in objects if each["kind"] == "ClusterRoleBinding"}
        return [rule for each in objects if each["kind"] == "ClusterRole" and each["metadata"]["name"] in bound for rule in each["rules"]]

    def test_exactly_the_rules_of_the_code_are_granted(self):
        self.assertCountEqual(self.granted(), RULES["reading"] + RULES["telling"] + RULES["writing"] + RULES["deadlines"])

    def test_whom_pods_are_spread_with_is_read_only_where_it_matters(self):
        granted = self.granted({"settings": {"defaultSpread": "system"}})
        self.assertCountEqual(granted, self.granted() + RULES["spreading"])
        self.assertCountEqual(self.granted({"settings": {"defaultSpread": "none"}}), self.granted())
        resources = sorted(resource for rule in RULES["spreading"] for resource in rule["resources"])
        self.assertEqual(resources, ["replicasets", "replicationcontrollers", "services", "statefulsets"])

    def test_nothing_is_granted_with_a_wildcard(self):
        for rules in RULES.values():
            for rule in rules:
                for part in ("apiGroups", "resources", "verbs"):
                    self.assertNotIn("*", rule[part])

    def test_secrets_and_config_maps_are_not_read(self):
        for rules in RULES.values():
            for rule in rules:
                self.assertFalse({"secrets", "configmaps"} & set(rule["resources"]))

    def test_a_dry_run_may_write_nothing_but_events(self):
        granted = self.granted({"settings": {"dryRun": True}})
        writing = [rule["resources"] for rule in granted if set(rule["verbs"]) - {"get", "list", "watch"}]
        self.assertEqual(writing, [["events"]])

    def test_without_forced_termination_no_pod_can_be_deleted(self):
        for rule in self.granted({"forcedTermination": {"enabled": False}}):
            self.assertFalse("pods" in rule["resources"] and "delete" in rule["verbs"])

    def test_every_binding_names_the_service_account(self):
        objects = rendered({"serviceAccount": {"name": "other"}})
        bindings = [each for each in objects if each["kind"] in ("ClusterRoleBinding", "RoleBinding")]
        self.assertEqual(len(bindings), 5)
        for binding in bindings:
            self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": "other", "namespace": "infra"}])
        self.assertEqual(one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"], "other")

    def test_an_account_for_irsa(self):
        arn = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/windlass"}
        account = one(rendered({"serviceAccount": {"annotations": arn}}), "ServiceAccount")
        self.assertEqual(account["metadata"]["annotations"], arn)


class Extras(unittest.TestCase):
    def test_crds_are_those_that_the_code_generates_and_stay(self):
        generated = {}
        for path in sorted((ROOT / "deploy" / "crds").glob("*.yaml")):
            crd = yaml.safe_load(path.read_text())
            generated[crd["metadata"]["name"]] = crd["spec"]
        installed = [each for each in rendered() if each["kind"] == "CustomResourceDefinition"]
        self.assertEqual({each["metadata"]["name"]: each["spec"] for each in installed}, generated)
        for crd in installed:
            self.assertEqual(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep")
        self.assertEqual(names(rendered({"crds": {"install": False}}), "CustomResourceDefinition"), [])

    def test_what_is_optional_is_off_until_asked_for(self):
        kinds = {each["kind"] for each in rendered()}
        self.assertFalse(kinds & {"ServiceMonitor", "NetworkPolicy"})
        self.assertIn("PodDisruptionBudget", kinds)

    def test_the_network_policy_lets_out_names_apis_and_credentials_only(self):
        policy = one(rendered({"networkPolicy": {"enabled": True}}), "NetworkPolicy")["spec"]
        self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
        ports = sorted({port["port"] for rule in policy["egress"] for port in rule["ports"]})
        self.assertEqual(ports, [53, 80, 443, 6443])
        for rule in policy["egress"]:
            if any(port["port"] == 80 for port in rule["ports"]):
                self.assertEqual([each["ipBlock"]["cidr"] for each in rule["to"]], ["169.254.170.23/32", "169.254.169.254/32"])

    def test_names_stay_within_what_kubernetes_takes(self):
        for each in rendered({"fullnameOverride": "w" * 63}):
            self.assertLessEqual(len(each["metadata"]["name"]), 253)


if __name__ == "__main__":
    unittest.main()
