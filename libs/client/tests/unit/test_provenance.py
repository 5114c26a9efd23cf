"""What verification says of trusted, merely valid, changed and unsigned files."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from storyreel_client.provenance import State, verify, verify_all

LOGO = Path(__file__).parents[4] / "examples" / "briefs" / "sneaker-launch" / "logo.png"
Signed = Callable[[str], tuple[Path, Path]]
_PEM = serialization.Encoding.PEM


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(sign, False, False, False, False, not sign, not sign, False, False)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> Any:
    def named(common: str) -> x509.Name:
        pairs = ((NameOID.ORGANIZATION_NAME, "Storyreel Test"), (NameOID.COMMON_NAME, common))
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(not ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )  # fmt: skip
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """Signs the example's logo; gives the file and the anchor of whoever signed it."""

    def sign(who: str) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp(who)
        root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        anchor = _certificate(f"{who} root", root, f"{who} root", root, ca=True).public_bytes(_PEM)
        chain = _certificate(who, key, f"{who} root", root, ca=False).public_bytes(_PEM) + anchor
        plain = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        made = {"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"}
        manifest = {
            "claim_generator_info": [{"name": "test", "version": "1"}], "format": "image/png", "title": "logo.png",
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [made]}}],
        }  # fmt: skip
        out = io.BytesIO()
        with c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, plain, None)) as signer, LOGO.open("rb") as source:
            c2pa.Builder(manifest).sign(signer, "image/png", source, out)
        (folder / "logo.png").write_bytes(out.getvalue())
        (folder / "anchor.pem").write_bytes(anchor)
        return folder / "logo.png", folder / "anchor.pem"

    return sign


def test_a_file_is_trusted_with_the_anchor_of_its_signer(signed: Signed) -> None:
    file, anchor = signed("studio")
    report = verify(file, anchor.read_text())
    assert report.state is State.TRUSTED
    assert "studio" in report.signer


def test_without_an_anchor_or_with_anothers_it_is_only_valid(signed: Signed) -> None:
    file, _ = signed("studio2")
    _, stranger = signed("stranger")
    for anchors in ("", stranger.read_text()):
        report = verify(file, anchors)
        assert report.state is State.VALID
        assert "nobody vouches" in report.words
        assert "signingCredential.untrusted" in report.problems


def test_a_changed_byte_makes_it_invalid(signed: Signed) -> None:
    file, anchor = signed("studio3")
    content = bytearray(file.read_bytes())
    content[-3000] ^= 1
    file.write_bytes(bytes(content))
    assert verify(file, anchor.read_text()).state is State.INVALID


def test_a_file_without_a_manifest_is_unsigned() -> None:
    assert verify(LOGO).state is State.UNSIGNED


@pytest.mark.parametrize(("with_anchor", "code", "word"), [(True, 0, "TRUSTED"), (False, 5, "VALID")])
def test_verify_ends_with_5_unless_trusted(storyreel: Any, signed: Signed, with_anchor: bool, code: int, word: str) -> None:
    file, anchor = signed(f"cli{code}")
    more = ["--trust-anchor", anchor] if with_anchor else []
    answer = storyreel("verify", file, *more)
    assert answer.code == code
    assert f"logo.png: {word}." in answer.out


def test_verify_says_that_an_anchor_came_with_the_film(storyreel: Any, signed: Signed) -> None:
    file, anchor = signed("beside")
    (file.parent / "c2pa-anchor.pem").write_bytes(anchor.read_bytes())
    answer = storyreel("verify", file)
    assert answer.code == 0
    assert "which came with the film" in answer.out


def test_verify_needs_no_stack(storyreel: Any, tmp_path: Path) -> None:
    (tmp_path / ".storyreel" / "stack.json").unlink()
    assert storyreel("verify", LOGO).code == 5


def test_verify_of_nothing_says_so(storyreel: Any, tmp_path: Path) -> None:
    assert storyreel("verify", tmp_path / "nothing.mp4").code == 4
    assert storyreel("verify", tmp_path).code == 4
    (tmp_path / "x.txt").write_text("x")
    assert storyreel("verify", tmp_path / "x.txt").code == 2
    (tmp_path / "a.pem").write_text("x")
    assert storyreel("verify", LOGO, "--trust-anchor", tmp_path / "a.pem").code == 2


def test_the_stacks_own_anchor_is_used_and_named(storyreel: Any, signed: Signed) -> None:
    file, anchor = signed("ofstack")
    storyreel.environ["STORYREEL_TRUST_ANCHOR"] = str(anchor)
    answer = storyreel("verify", file, "--json")
    assert (answer.code, answer.rows[0]["anchor"]) == (0, str(anchor))


def test_a_development_film_brings_its_anchor_in_the_manifest(storyreel: Any, signed: Signed) -> None:
    file, anchor = signed("dev")
    (file.parent / "manifest.json").write_text(json.dumps({"provenance": {"anchors_pem": anchor.read_text()}}))
    answer = storyreel("verify", file)
    assert answer.code == 0
    assert "manifest.json, which came with the film" in answer.out


@pytest.mark.parametrize(("content", "said"), [(b"WEBVTT", 0), (b"WEBVTT changed", 1)])
def test_files_that_are_not_what_the_manifest_lists_are_found(tmp_path: Path, content: bytes, said: int) -> None:
    listed = {"captions.vtt": {"sha256": sha256(b"WEBVTT").hexdigest()}, "not-fetched.otio": {"sha256": "0" * 64}}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": listed}))
    (tmp_path / "film.mp4").write_bytes(b"no film")
    (tmp_path / "captions.vtt").write_bytes(content)
    wrong = [r for r in verify_all(tmp_path) if "manifest.sha256.mismatch" in r.problems]
    assert [r.file.name for r in wrong] == ["captions.vtt"] * said


def test_a_manifest_that_is_not_json_is_a_failed_verification(storyreel: Any, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    (tmp_path / "manifest.json").write_text("{")
    assert storyreel("verify", tmp_path).code == 5
