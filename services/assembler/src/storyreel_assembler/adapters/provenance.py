"""C2PA: who made this and with what, signed into the file, and read back as a stranger would before it goes out.

A development authority is made locally on first use. It is trusted only where its certificate is configured as an
anchor, and no release may rest on it: set `ASSEMBLER_SIGNING_*` to a certificate of the conformance programme.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ANCHOR, CHAIN, KEY = "anchor.pem", "chain.pem", "key.pem"
LIFETIME = timedelta(days=365)
TRUSTED = "Trusted"


class Untrusted(RuntimeError):  # noqa: N818 - what the verifier says
    """A signed file did not verify as Trusted; it must not leave the house."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM texts: certificate chain (leaf first), private key (P-256), and the anchors that verification trusts."""

    chain: str
    key: str
    anchors: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verifier says of one file."""

    state: str
    issuer: str
    detail: str


def development_credentials(folder: Path) -> Credentials:
    """The local authority's credentials, made in `folder` when absent (key readable by its owner only)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(
            f"{folder} belongs to someone else; set ASSEMBLER_DEVELOPMENT_SIGNING_DIR to a folder of your own"
        )
    with (folder / ".lock").open("w") as lock:  # replicas on one machine share the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / CHAIN).exists():
            _make(folder)
    return Credentials(*((folder / name).read_text() for name in (CHAIN, KEY, ANCHOR)))


def given_credentials(chain: Path, key: Path, anchors: Path) -> Credentials:
    """Credentials from files, as production has them."""
    return Credentials(chain.read_text(), key.read_text(), anchors.read_text())


def sign(source: Path, target: Path, statement: dict[str, Any], credentials: Credentials) -> Verified:
    """Sign `source` into `target` and verify it. Raises `Untrusted` when it is anything but Trusted."""
    info = c2pa.C2paSignerInfo(
        alg=c2pa.C2paSigningAlg.ES256,
        sign_cert=credentials.chain.encode(),
        private_key=credentials.key.encode(),
        ta_url=None,  # an empty address is an opaque error; without one there is no time stamp
    )
    with c2pa.Context(settings=_settings(credentials)) as context, c2pa.Signer.from_info(info) as signer:
        builder = c2pa.Builder(statement, context)
        with builder, source.open("rb") as plain, target.open("w+b") as signed:
            builder.sign(signer, "video/mp4", plain, signed)
    verdict = verify(target, credentials)
    if verdict.state != TRUSTED:
        raise Untrusted(f"{target.name} verifies as {verdict.state}: {verdict.detail}")
    return verdict


def verify(path: Path, credentials: Credentials) -> Verified:
    """Read a file back as a stranger who trusts the given anchors."""
    with c2pa.Context(settings=_settings(credentials)) as context, path.open("rb") as file:
        try:
            with c2pa.Reader("video/mp4", file, context=context) as reader:
                report = json.loads(reader.json())
                state = str(reader.get_validation_state())
        except c2pa.C2paError as error:
            return Verified("Invalid", "", str(error))
    active = report.get("manifests", {}).get(report.get("active_manifest", ""), {})
    failures = report.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    detail = ", ".join(str(failure.get("code")) for failure in failures)
    return Verified(state, str(active.get("signature_info", {}).get("issuer", "")), detail)


def _settings(credentials: Credentials) -> c2pa.Settings:
    trust = {"verify_trust_list": True, "trust_anchors": credentials.anchors}
    return c2pa.Settings.from_dict({"trust": trust, "verify": {"verify_trust": True}})


def _make(folder: Path) -> None:
    """An authority and a leaf under it, as the C2PA certificate profile asks (ES256, one purpose, not an authority)."""
    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _name("Storyreel development authority")
    root = _certificate(root_name, root_name, root_key.public_key(), authority=True).sign(root_key, hashes.SHA256())
    leaf = _leaf(root, root_key, leaf_key)
    pem = serialization.Encoding.PEM
    secret = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder / KEY, secret, 0o600)
    _write(folder / ANCHOR, root.public_bytes(pem), 0o644)
    _write(folder / CHAIN, leaf.public_bytes(pem) + root.public_bytes(pem), 0o644)


def _leaf(root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = _certificate(_name("Storyreel development signer"), root.subject, key.public_key(), authority=False)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return builder.add_extension(purpose, critical=False).add_extension(by, critical=False).sign(root_key, hashes.SHA256())


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFETIME * (10 if authority else 1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    parts = [
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "Storyreel (development)"),
        (NameOID.COMMON_NAME, common),
    ]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write beside and move into place, so that two processes never read half a file."""
    beside = path.with_suffix(f".{os.getpid()}")
    beside.touch(mode=mode)
    beside.write_bytes(content)
    beside.replace(path)
