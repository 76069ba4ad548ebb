"""Real SMTP servers of several kinds: with certificates, passwords, and manners that fail."""

import ipaddress
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from radslag.ports import free_port
from shared.clock import utcnow


@dataclass
class Taking:
    """Takes what comes, and remembers it with the way in which it came."""

    letters: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, envelope: Any
    ) -> str:
        self.letters.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        self.senders.append(envelope.mail_from)
        self.options.append(envelope.mail_options)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


class ClumsySMTP(SMTP):
    """Answers with `answers[step]` once, or hangs up for "drop", and is itself again after that."""

    def __init__(self, handler: Any, answers: dict[str, str], **more: Any) -> None:
        super().__init__(handler, **more)
        self.answers = answers

    async def _clumsy(self, step: str) -> bool:
        answer = self.answers.pop(step, None)
        if answer is None:
            return False
        if answer == "drop":
            self.transport.abort()
        else:
            await self.push(answer)
        return True

    async def _handle_client(self) -> None:
        if await self._clumsy("greeting"):
            self.transport.close()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        if not await self._clumsy("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if not await self._clumsy("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if not await self._clumsy("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if await self._clumsy("data"):
            return
        if self.answers.pop("words", None):
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


@contextmanager
def mail_server(
    handler: Any, *, password: str = "", answers: dict[str, str] | None = None, **more: Any
) -> Iterator[int]:
    """Run a server, and give its port. `password` is what "radslag" must know."""
    if password:
        more |= {
            "auth_required": True,
            "authenticator": lambda *asked: AuthResult(
                success=(asked[4].login, asked[4].password) == (b"radslag", password.encode()),
                handled=False,
            ),
        }
    port = free_port()

    class Clumsy(Controller):
        def factory(self) -> SMTP:
            return ClumsySMTP(self.handler, answers, **self.SMTP_kwargs)

    # Starting it knocks once, which must not count.
    answers = {} if answers is None else answers
    later = dict(answers)
    answers.clear()
    controller = Clumsy(handler, hostname="127.0.0.1", port=port, **more)
    controller.start()
    answers.update(later)
    try:
        yield port
    finally:
        controller.stop()


def certificate(folder: Path, *names: str, days: int = 1) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate that signs itself, and return a server's context and the file of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = utcnow()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([_named(each) for each in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "mail.crt", folder / "mail.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


def _named(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
