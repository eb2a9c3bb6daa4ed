"""What secures one control plane: its own CA, one serving certificate, a key that signs service account tokens, bearer tokens, kubeconfigs."""

import base64
import os
import secrets
import subprocess
from pathlib import Path

# The first address of the Service range: what pods know the API server by.
SERVICE_RANGE = "10.100.0.0/16"
SERVICE_ADDRESS = "10.100.0.1"
DAYS = "365"
# User name and groups by the name of the kubeconfig. RBAC's bootstrap roles give the two components what they need.
USERS = {
    "admin": ("admin", "system:masters"),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
}
OPENSSL = f"""
[req]
distinguished_name = name
prompt = no
[name]
CN = control plane under test
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[serving]
basicConstraints = critical,CA:FALSE
authorityKeyIdentifier = keyid
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1,IP:{SERVICE_ADDRESS},DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
"""


class NoCredentials(Exception):
    """No certificates or keys can be made; the message says what to do."""


def write(folder: Path, port: int) -> None:
    """Everything for an API server on this loopback port, readable by the user alone."""
    folder.mkdir(mode=0o700)
    (folder / "openssl.cnf").write_text(OPENSSL, encoding="utf-8")
    for name in ("ca", "serving", "service-accounts"):
        openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
    openssl(folder, "req", "-x509", "-config", "openssl.cnf", "-extensions", "ca", "-key", "ca.key", "-days", DAYS, "-out", "ca.crt")
    openssl(folder, "req", "-new", "-config", "openssl.cnf", "-key", "serving.key", "-subj", "/CN=kube-apiserver", "-out", "serving.csr")
    openssl(
        folder,
        *("x509", "-req", "-in", "serving.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", str(secrets.randbits(63))),
        *("-days", DAYS, "-extfile", "openssl.cnf", "-extensions", "serving", "-out", "serving.crt"),
    )
    openssl(folder, "pkey", "-in", "service-accounts.key", "-pubout", "-out", "service-accounts.pub")
    lines = []
    for kubeconfig, (user, groups) in USERS.items():
        token = secrets.token_hex(16)
        lines.append(f'{token},{user},{kubeconfig},"{groups}"\n')
        private(folder / f"{kubeconfig}.kubeconfig", kubeconfig_text(folder, port, kubeconfig, token))
    private(folder / "tokens.csv", "".join(lines))


def kubeconfig_text(folder: Path, port: int, user: str, token: str) -> str:
    authority = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
    return f"""apiVersion: v1
kind: Config
clusters:
- name: windlass-test
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: windlass-test
  context:
    cluster: windlass-test
    user: {user}
current-context: windlass-test
"""


def private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def openssl(folder: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], cwd=folder, check=False, capture_output=True, text=True)
    except FileNotFoundError as why:
        raise NoCredentials("cannot make the control plane's certificates: `openssl` is not on PATH. Install it") from why
    if done.returncode != 0:
        raise NoCredentials(f"cannot make the control plane's certificates: openssl {arguments[0]} failed in {folder}: {done.stderr.strip()}")
