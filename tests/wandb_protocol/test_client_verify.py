"""`wandb verify`, the client's own checks of an instance, by the real client against an instance with TLS."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.live import LiveServer
from tests.wandb_protocol.client import IS_OLDER, WandbClient

# In the order of its printing. The sign is a cross where a check failed; some of those it only warns of.
CHECKS = {
    "Checking if logged in": "✅",
    "Checking signed URL upload": "✅",
    "Checking ability to send large payloads through proxy": "✅",
    "Checking requests to base url": "✅",
    "Checking requests made over signed URLs": "✅",
    "Checking CORs configuration of the bucket": "✅",
    "Checking wandb package version is up to date": "✅",
    "Checking logged metrics, saving and downloading a file": "✅",
    "Checking artifact save and download workflows": "✅",
    "Checking sweep creation and agent execution": "❌",  # sweeps are not built
}


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an instance under test")])
    today = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(today - dt.timedelta(1)).not_valid_after(today + dt.timedelta(1))
    signed = made.add_extension(here, critical=False).sign(key, hashes.SHA256())
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return paths


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One that is reached by https alone: half of what is checked is that nothing goes in the clear."""
    with LiveServer(tls=self_signed(tmp_path_factory.mktemp("tls"))) as instance:
        instance.account("alice")
        yield instance


@pytest.mark.live
@pytest.mark.embedded  # about the door and the client; each of these ways in is tested on servers too
@pytest.mark.xdist_group("wandb client")
@pytest.mark.promise("P-07")
@pytest.mark.skipif(IS_OLDER, reason="what is checked is this version's")
def test_the_checks_of_the_client_pass(client_of_alice: WandbClient, server: LiveServer) -> None:
    assert server.tls is not None
    # Python asks the one, the part of the client in Go the other.
    trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(server.tls[0]))

    ended = client_of_alice.command(
        "verify", "--host", server.url, code=1, WANDB__FILE_STREAM_TRANSMIT_INTERVAL="1", **trust
    )

    found = re.findall(r"^(Checking [^.]*)\.+([✅❌])", ended.text, flags=re.MULTILINE)
    assert found == list(CHECKS.items()), ended.text
    assert "Sweeps are not available on this server yet." in ended.text
