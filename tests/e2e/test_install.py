"""The chart against a real API server, which judges every field of what helm renders."""

import unittest

from cluster_test import ClusterTest
from environment import INSTALLED, rendered

VARIANTS = (
    (),
    ("settings.dryRun=true", "forcedTermination.enabled=false"),
    ("settings.defaultSpread=system",),
    ("networkPolicy.enabled=true", "podDisruptionBudget.maxUnavailable=50%", "serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::1:role/w"),
)
# Their kinds are no part of Kubernetes.
FOREIGN = {"ServiceMonitor"}


class Install(ClusterTest):
    """All objects, not only those that the other tests need."""

    def test_every_object_is_taken(self) -> None:
        for values in VARIANTS:
            with self.subTest(values):
                objects = [each for each in rendered(*values) if each["kind"] not in FOREIGN]
                self.assertLess(set(INSTALLED), {each["kind"] for each in objects})
                self.environment.apply(*objects, dryRun="All", fieldValidation="Strict")

    def test_the_namespace_keeps_to_the_restricted_standard(self) -> None:
        """A namespace that enforces it takes the controller's pods."""
        (deployment,) = (each for each in rendered() if each["kind"] == "Deployment")
        labels = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
        name = "restricted"
        self.environment.namespace(name)
        self.environment.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        template = deployment["spec"]["template"]
        pod = {**template, "apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "controller", "namespace": name}}
        pod["spec"] = {**pod["spec"], "serviceAccountName": "default"}
        self.environment.apply(pod, dryRun="All", fieldValidation="Strict")


if __name__ == "__main__":
    unittest.main()
