"""What the way of an idea tells about its sender: never a dead end, only a sign for the checks.

A field that people do not see, how fast the form came back, and how much came from one place. A
form on another site lacks the first two, which is no sign of anything.
"""

from collections.abc import Mapping

from itsdangerous import BadSignature, TimestampSigner

from shared.clock import utcnow

# The field that only programs fill in.
HONEYPOT = "website"
# When the form was opened, signed.
OPENED = "opened"
# Nobody reads a form and writes an idea in less.
TOO_FAST_S = 3


def _signer(secret_key: str) -> TimestampSigner:
    return TimestampSigner(secret_key, salt="idea form opened")


def new_stamp(secret_key: str) -> str:
    """Return what a form carries to tell when it was opened; signed, not secret."""
    return _signer(secret_key).sign("form").decode("ascii")


def notice_signals(fields: Mapping[str, str], secret_key: str, *, burst: int = 0) -> dict[str, int]:
    """Return the signals of a post: `honeypot` 1, `time_trap` seconds, `burst` how many came.

    A stamp that is missing, altered or from the future says nothing.
    """
    signals = {}
    if fields.get(HONEYPOT, "").strip():
        signals["honeypot"] = 1
    seconds = _open_for_s(fields.get(OPENED, ""), secret_key)
    if seconds is not None and 0 <= seconds < TOO_FAST_S:
        signals["time_trap"] = seconds
    if burst:
        signals["burst"] = burst
    return signals


def _open_for_s(stamp: str, secret_key: str) -> int | None:
    if not stamp:
        return None
    try:
        _value, opened = _signer(secret_key).unsign(stamp, return_timestamp=True)
    except (BadSignature, UnicodeEncodeError):
        return None
    return int((utcnow() - opened).total_seconds())
