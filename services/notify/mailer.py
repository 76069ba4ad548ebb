"""Outgoing mail: the only module that speaks SMTP.

What went wrong is told apart by what may be done about it: try all letters later (`ServerDown`),
this letter later or never (`Refused`), or nobody knows whether it was taken (`Uncertain`). An error
carries a reply code or the name of its type, never a text: servers quote addresses.
"""

import contextlib
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

# For each step of the conversation; nothing waits for ever.
TIMEOUT_S = 10
_OK = 250
_OK_TO_RECIPIENT = frozenset({250, 251, 252})
_CLOSING = 421
_PERMANENT = 500


class NotSent(Exception):  # noqa: N818 - says what it is
    """A letter did not leave; `code` is what the ledger may hold of the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ServerDown(NotSent):
    """There is no server, or it refused us: no letter will leave just now."""


class Refused(NotSent):
    """The server refused this letter: `passing` (4xx) or for good (5xx, RFC 5321 §4.2.1)."""

    def __init__(self, code: str, *, passing: bool) -> None:
        super().__init__(code)
        self.passing = passing


class Uncertain(NotSent):
    """The connection was lost after the letter was handed over: it may have been taken."""


class Mailer:
    """One connection for as many letters as there are; opened by the first of them."""

    def __init__(self, smtp_url: str, mail_from: str) -> None:
        """Take an address such as `smtp://user:password@host:587?starttls=1` and the sender."""
        parts = urlsplit(smtp_url)
        self._tls_from_start = parts.scheme == "smtps"
        self._starttls = parse_qs(parts.query).get("starttls", ["0"])[0] in {"1", "true", "yes"}
        self._host = parts.hostname or "localhost"
        self._port = parts.port or _usual_port(
            tls_from_start=self._tls_from_start, starttls=self._starttls
        )
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = ascii_domain(parseaddr(mail_from)[1])
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._smtp is not None:
            with contextlib.suppress(OSError):
                self._smtp.quit()
        self._drop()

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand a letter over for one recipient.

        Raises ServerDown, Refused or Uncertain; what each means is said above.
        """
        recipient = ascii_domain(recipient)
        smtp = self._begin(*self._options(recipient))
        self._name_recipient(smtp, recipient)
        policy = SMTP if recipient.isascii() else SMTPUTF8
        try:
            code, _reply = smtp.data(message.as_bytes(policy=policy))
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
        except OSError as error:
            self._drop()
            raise Uncertain(_name_of(error)) from None
        if code != _OK:
            self._after_refusal(code)
            raise Refused(str(code), passing=code < _PERMANENT)

    def _options(self, recipient: str) -> tuple[str, ...]:
        """Return what MAIL FROM must ask for; a name with å before the @ needs SMTPUTF8."""
        if recipient.isascii():
            return ()
        if not self._connected().has_extn("smtputf8"):
            raise Refused("no SMTPUTF8", passing=False)
        return ("SMTPUTF8", "BODY=8BITMIME")

    def _begin(self, *options: str) -> smtplib.SMTP:
        """Begin a letter; a connection that was used before may have been closed: once anew."""
        used_before = self._smtp is not None
        smtp = self._connected()
        try:
            code, _reply = smtp.mail(self._sender, options)
        except OSError as error:
            self._drop()
            if used_before:
                return self._begin(*options)
            raise ServerDown(_name_of(error)) from None
        if code == _OK:
            return smtp
        # Our own address was refused: no fault of the letter's.
        self._drop()
        if used_before:
            return self._begin(*options)
        raise ServerDown(str(code))

    def _name_recipient(self, smtp: smtplib.SMTP, recipient: str) -> None:
        try:
            code, _reply = smtp.rcpt(recipient)
        except OSError as error:
            self._drop()
            raise Refused(_name_of(error), passing=True) from None
        if code not in _OK_TO_RECIPIENT:
            self._after_refusal(code)
            raise Refused(str(code), passing=code < _PERMANENT)

    def _after_refusal(self, code: int) -> None:
        """Make the connection ready for the next letter, or let it go."""
        if code == _CLOSING or self._smtp is None:
            self._drop()
            return
        try:
            self._smtp.rset()
        except OSError:
            self._drop()

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = self._connect()
            except smtplib.SMTPResponseException as error:
                raise ServerDown(str(error.smtp_code)) from None
            except OSError as error:
                raise ServerDown(_name_of(error)) from None
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        if self._tls_from_start:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            smtp = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        try:
            smtp.ehlo_or_helo_if_needed()
            if self._starttls:
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo_or_helo_if_needed()
            if self._user:
                smtp.login(self._user, self._password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS has it (`räksmörgås.se` → `xn--…`).

    Raises Refused when that cannot be: such a letter can never leave.
    """
    name, at, domain = address.rpartition("@")
    try:
        return f"{name}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise Refused("bad domain", passing=False) from None


def recipient_header(address: str) -> Address:
    """Return an address as the To header takes it."""
    name, _at, domain = ascii_domain(address).rpartition("@")
    return Address(username=name, domain=domain)


def _usual_port(*, tls_from_start: bool, starttls: bool) -> int:
    if tls_from_start:
        return smtplib.SMTP_SSL_PORT
    return 587 if starttls else smtplib.SMTP_PORT


def _name_of(error: OSError) -> str:
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__
