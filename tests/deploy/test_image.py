"""The Dockerfile, as far as it can be checked without a daemon: its steps fit the repository, and its result is small and unprivileged."""

import fnmatch
import pathlib
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())


def steps():
    text = (ROOT / "deploy" / "image" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def stages():
    found = []
    for word, rest in steps():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def copied(stage):
    """What a stage takes from the repository: (sources, destination)."""
    copies = [rest.split() for word, rest in stage if word == "COPY" and not rest.startswith("--from")]
    return [(parts[:-1], parts[-1]) for parts in copies]


class Image(unittest.TestCase):
    def test_the_compiler_is_the_one_of_the_workspace(self):
        self.assertEqual(stages()[0][0][1], f"rust:{MANIFEST['workspace']['package']['rust-version']}-alpine AS build")

    def test_the_build_names_what_exists(self):
        (build,) = [rest for word, rest in stages()[0] if word == "RUN" and rest.startswith("cargo")]
        flags = dict(re.findall(r"--(profile|features|bin) (\S+)", build))
        self.assertIn("--locked", build)
        self.assertIn(flags["profile"], MANIFEST["profile"])
        self.assertIn(flags["features"], MANIFEST["features"])
        self.assertEqual(flags["bin"], MANIFEST["package"]["name"])

    def test_the_last_stage_holds_the_binary_roots_of_trust_and_licence_alone(self):
        last = stages()[-1]
        self.assertEqual(last[0], ("FROM", "scratch"))
        self.assertEqual([rest.split()[-1] for word, rest in last if word == "COPY"], ["/etc/ssl/certs/ca-certificates.crt", "/windlass", "/LICENSE"])
        self.assertIn(("USER", "65532:65532"), last)
        self.assertIn(("ENTRYPOINT", '["/windlass"]'), last)

    def test_the_context_lets_through_what_is_copied(self):
        allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        for stage in stages():
            for sources, _ in copied(stage):
                for source in sources:
                    self.assertTrue((ROOT / source).exists(), source)
                    self.assertTrue(any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source)

    def test_what_is_copied_is_a_whole_workspace(self):
        with tempfile.TemporaryDirectory() as folder:
            for sources, destination in copied(stages()[0]):
                for source in sources:
                    to = pathlib.Path(folder) / destination if len(sources) == 1 else pathlib.Path(folder) / destination / source
                    if (ROOT / source).is_dir():
                        shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("target"))
                    else:
                        shutil.copy(ROOT / source, to)
            command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
