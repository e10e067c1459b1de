# SPDX-License-Identifier: MIT
"""Keys, certificates and signatures, all through the openssl program: a second opinion on our own code."""

import base64
import hashlib
import subprocess
from datetime import datetime, timedelta, timezone

LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1"


def openssl(*arguments, data=None):
    result = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True)
    if result.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {result.stderr.decode(errors='replace')}")
    return result.stdout


class SigningKey:
    """An RSA key in a file, with what Postal's users know about it."""

    def __init__(self, path):
        self.path = path
        if not path.exists():
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
            path.chmod(0o600)
        self.public = path.with_suffix(".pub")
        self.public.write_bytes(openssl("rsa", "-in", path, "-pubout"))

    @property
    def key_id(self):
        """Postal's: the SHA-256 of the DER of the PKCS#1 public key."""
        der = openssl("rsa", "-in", self.path, "-RSAPublicKey_out", "-outform", "DER")
        return hashlib.sha256(der).hexdigest()

    @property
    def base64(self):
        """Postal's p= value: the bare base64 of the SubjectPublicKeyInfo."""
        return base64.b64encode(openssl("rsa", "-in", self.path, "-pubout", "-outform", "DER")).decode()

    @property
    def modulus(self):
        text = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip()
        return int(text.removeprefix("Modulus="), 16)

    def verifies(self, digest, body, signature):
        """digest is "sha1" or "sha256"; signature the base64 of the header."""
        detached = self.path.with_suffix(f".{digest}.sig")
        detached.write_bytes(base64.b64decode(signature, validate=True))
        result = subprocess.run(
            ["openssl", "dgst", f"-{digest}", "-verify", self.public, "-signature", detached],
            input=body, capture_output=True)
        return result.returncode == 0


class Authority:
    """A certificate authority that lives in a directory."""

    def __init__(self, directory, name="ca"):
        self.directory = directory
        self.key = directory / f"{name}.key"
        self.certificate = directory / f"{name}.crt"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-subj", f"/CN=repostal test {name}", "-addext", "keyUsage=keyCertSign,cRLSign",
                "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, names=LOCAL_NAMES, days=2):
        """(certificate, key), fit for servers and for clients. names: as subjectAltName has them; days:
        until it expires, negative when it has."""
        key, request, certificate = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        now = datetime.now(timezone.utc)
        start, end = min(now, now + timedelta(days=days - 1)), now + timedelta(days=days)
        openssl("ca", "-batch", "-notext", "-config", self._config(), "-in", request, "-extfile", extensions,
                "-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}", "-out", certificate)
        return certificate, key

    def _config(self):
        """What the command wants: unlike the others, in all versions it dates certificates back."""
        self.key.with_suffix(".db").touch()
        config = self.key.with_suffix(".cnf")
        config.write_text(f"""\
[ca]
default_ca = this
[this]
private_key = {self.key}
certificate = {self.certificate}
database = {self.key.with_suffix(".db")}
new_certs_dir = {self.directory}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
""")
        return config


def self_signed(directory, name):
    """(certificate, key) for this machine that no authority has signed."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={LOCAL_NAMES}",
            "-keyout", key, "-out", certificate)
    return certificate, key
