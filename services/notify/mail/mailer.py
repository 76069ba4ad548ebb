"""Outgoing mail: the only module that speaks SMTP.

What went wrong is told apart by what may be done about it: try all letters later
(`ServerDownError`), this letter later or never (`LetterRefusedError`), or nobody knows whether it
was taken (`UncertainError`). An error carries a reply code or the name of its type, never a text:
servers quote addresses.
"""

import contextlib
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from types import TracebackType
from typing import NoReturn, Self
from urllib.parse import parse_qs, unquote, urlsplit

from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError
from shared.setting_values import SettingsError

# For each step of the conversation; nothing waits for ever.
TIMEOUT_S = 10
# Many servers look for spam and viruses before they answer for a letter. Who hangs up too early
# gets it delivered twice (RFC 5321 §4.5.3.2.6).
VERDICT_TIMEOUT_S = 60
_OK = 250
_GO_ON = 354
_OK_TO_RECIPIENT = frozenset({250, 251, 252})
_CLOSING = 421
_PERMANENT = 500
# Why a letter cannot be sent to the address that is stored: it was stored before it was checked.
BAD_ADDRESS = "bad address"
# The server cannot take a letter to such an address.
NO_SMTPUTF8 = "no SMTPUTF8"
_BAD_SYNTAX = "5.1.3"
# RFC 3463: "5.1.1" at the beginning of a reply. Three numbers; no text that follows is kept.
_STATUS = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")


class NotSentError(Exception):
    """A letter did not leave; `code` is what the ledger may hold of the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ServerDownError(NotSentError):
    """There is no server, or it refused us: no letter will leave just now."""


class LetterRefusedError(NotSentError):
    """This letter was not taken: `passing` (4xx, a lost line) or for good (5xx, RFC 5321 §4.2.1).

    `status` is why, where the server says it (RFC 3463): `5.1.1` is an address that is not there.
    """

    def __init__(self, code: str, *, passing: bool, status: str | None = None) -> None:
        super().__init__(code)
        self.passing = passing
        self.status = status


class UncertainError(NotSentError):
    """The connection was lost after the letter was handed over: it may have been taken."""


class Mailer:
    """One connection for as many letters as there are; opened by the first of them."""

    def __init__(self, smtp_url: str, sender: str) -> None:
        """Take an address such as `smtp://user:password@host:587?starttls=1`, and who sends.

        Whoever sends hears from other servers what could not be delivered. Raises SettingsError
        without an address, in a process that was not told it.
        """
        if not smtp_url:
            raise SettingsError("RADSLAG_SMTP_URL must be set where letters are sent.")
        parts = urlsplit(smtp_url)
        self._tls_from_start = parts.scheme == "smtps"
        self._starttls = parse_qs(parts.query).get("starttls", ["0"])[0] in {"1", "true", "yes"}
        self._host = parts.hostname or "localhost"
        self._port = parts.port or _usual_port(
            tls_from_start=self._tls_from_start, starttls=self._starttls
        )
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = mailboxes.of_sender(sender)[1]
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

    def send(self, message: EmailMessage, recipient: str, sender: str | None = None) -> None:
        """Hand a letter over for one recipient, with a sender on the envelope of its own if any.

        Raises ServerDownError, LetterRefusedError or UncertainError; what each means is said above.
        """
        recipient = recipient_of(recipient)
        words = message.as_bytes(policy=SMTP if recipient.isascii() else SMTPUTF8)
        smtp = self._begin(sender or self._sender, *self._options(recipient))
        # Not through `smtplib.rcpt`, which parses the address once more.
        self._ask(smtp, f"RCPT TO:<{recipient}>", expected=_OK_TO_RECIPIENT)
        self._ask(smtp, "DATA", expected=frozenset({_GO_ON}))
        self._hand_over(smtp, words)

    def forget(self) -> None:
        """Hang up in the middle of whatever was said."""
        self._drop()

    def _hand_over(self, smtp: smtplib.SMTP, words: bytes) -> None:
        """Say the letter, and wait for the answer.

        Only when its last line is on the way may it have been taken; before that, it was not.
        """
        try:
            smtp.send(_with_dots_doubled(words))
        except OSError as error:
            self._drop()
            raise LetterRefusedError(_name_of(error), passing=True) from None
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(VERDICT_TIMEOUT_S)
            smtp.send(b".\r\n")
            code, reply = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(TIMEOUT_S)
        except OSError as error:
            self._drop()
            raise UncertainError(_name_of(error)) from None
        if code != _OK:
            self._refused(code, reply)

    def _options(self, recipient: str) -> tuple[str, ...]:
        """Return what MAIL FROM must ask for; a name with å before the @ needs SMTPUTF8."""
        if recipient.isascii():
            return ()
        if not self._connected().has_extn("smtputf8"):
            raise LetterRefusedError(NO_SMTPUTF8, passing=False)
        return ("SMTPUTF8", "BODY=8BITMIME")

    def _begin(self, sender: str, *options: str) -> smtplib.SMTP:
        """Begin a letter; a connection that was used before may have been closed: once anew."""
        used_before = self._smtp is not None
        smtp = self._connected()
        try:
            code, _reply = smtp.mail(sender, options)
        except OSError as error:
            self._drop()
            if used_before:
                return self._begin(sender, *options)
            raise ServerDownError(_name_of(error)) from None
        if code == _OK:
            return smtp
        # Our own address was refused: no fault of the letter's.
        self._drop()
        if used_before:
            return self._begin(sender, *options)
        raise ServerDownError(str(code))

    def _ask(self, smtp: smtplib.SMTP, command: str, *, expected: frozenset[int]) -> None:
        """Take a step in the middle of a letter, which is not taken before the last one."""
        try:
            code, reply = smtp.docmd(command)
        except OSError as error:
            self._drop()
            raise LetterRefusedError(_name_of(error), passing=True) from None
        if code not in expected:
            self._refused(code, reply)

    def _refused(self, code: int, reply: bytes) -> NoReturn:
        self._after_refusal(code)
        status = _STATUS.match(reply)
        raise LetterRefusedError(
            str(code), passing=code < _PERMANENT, status=status and status[1].decode("ascii")
        )

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
                raise ServerDownError(str(error.smtp_code)) from None
            except OSError as error:
                raise ServerDownError(_name_of(error)) from None
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


def _with_dots_doubled(words: bytes) -> bytes:
    """Keep a line that is one dot from ending the letter (RFC 5321 §4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", words if words.endswith(b"\r\n") else words + b"\r\n")


def recipient_of(address: str) -> str:
    """Return a stored address as a mail server gets it.

    Raises LetterRefusedError when that cannot be: such a letter can never leave.
    """
    try:
        return mailboxes.as_sent(address)
    except BadAddressError:
        raise LetterRefusedError(BAD_ADDRESS, passing=False, status=_BAD_SYNTAX) from None


def _usual_port(*, tls_from_start: bool, starttls: bool) -> int:
    if tls_from_start:
        return smtplib.SMTP_SSL_PORT
    return 587 if starttls else smtplib.SMTP_PORT


def _name_of(error: OSError) -> str:
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__
