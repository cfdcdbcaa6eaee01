"""A certificate of this machine's own, made here and kept in the user's configuration folder."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from visuomotor.errors import MissingDependencyError

_DAYS = 365  # phones refuse much longer ones


def config_folder() -> Path:
    """Where the certificate is kept: XDG_CONFIG_HOME or ~/.config, visuomotor/teleop in it."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "visuomotor" / "teleop"


def local_addresses() -> list[str]:
    """This machine's name and the address that it has on its network; nothing is sent."""
    names = [socket.gethostname()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of documentation: only picks the route
            names.append(str(probe.getsockname()[0]))
        except OSError:
            pass
    return names


def certificate(names: Sequence[str], folder: Path, now: datetime.datetime) -> tuple[Path, Path]:
    """The files (certificate, key) for these names and addresses, made where there are none.

    What has less than a day left, or is for other names, is made anew. Only the user may read
    the key. Raises MissingDependencyError without cryptography.
    """
    try:
        from cryptography import x509
    except ImportError:
        raise MissingDependencyError(
            "phone: cryptography is not installed, and a phone on the network needs TLS; "
            "pip install 'visuomotor[teleop]'"
        ) from None
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    wanted = x509.SubjectAlternativeName([_name(n) for n in dict.fromkeys(names)])
    if path.is_file() and key_path.is_file():
        old = x509.load_pem_x509_certificate(path.read_bytes())
        kept = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        left = old.not_valid_after_utc - now
        if set(kept) >= set(wanted) and left > datetime.timedelta(days=1):
            return path, key_path
    _make(wanted, path, key_path, now)
    return path, key_path


def _name(text: str) -> object:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _make(names: object, path: Path, key_path: Path, now: datetime.datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, f"visuomotor on {socket.gethostname()}"[:64])]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # the phone's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key_path.unlink(missing_ok=True)
    descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
