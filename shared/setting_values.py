"""What a setting may hold: each value as it stands in the environment, read or refused."""

import re
from collections.abc import Mapping
from functools import partial
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError

MIN_SECRET_LENGTH = 32
# Of what another program shows when it calls us.
MIN_BEARER_LENGTH = 16
_RATE = re.compile(r"[1-9]\d{0,5}\s*/\s*(second|minute|hour)")


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one sentence that names it."""


def _database_url(value: str) -> str:
    if not re.match(r"^postgres(ql)?(\+psycopg)?://", value):
        raise SettingsError("RADSLAG_DATABASE_URL must start with postgresql://.")
    return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", value)


def _optional_database_url(value: str) -> str:
    return _database_url(value) if value else ""


def _parts(value: str) -> SplitResult:
    """Return the parts of an address, all empty where it is none (`https://[`)."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _broker_url(value: str) -> str:
    if _parts(value).scheme not in {"redis", "rediss", "unix"}:
        raise SettingsError("RADSLAG_BROKER_URL must start with redis://, rediss:// or unix://.")
    return value


def _queue_url(value: str) -> str:
    parts = _parts(value)
    if value and (parts.scheme not in {"amqp", "amqps"} or not parts.hostname):
        raise SettingsError("RADSLAG_QUEUE_URL must start with amqp:// or amqps://.")
    return value


def _web_url(name: str, value: str) -> str:
    parts = _parts(value)
    # Addresses are put into headers; a reader of addresses drops line ends, a header does not.
    is_plain = all("!" <= sign <= "~" for sign in value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or not is_plain:
        raise SettingsError(f"{name} must be a web address such as https://example.se.")
    return value.rstrip("/")


_USUAL_PORTS = {"http": 80, "https": 443}


def _own_url(name: str, value: str) -> str:
    """Return where people reach a web, as browsers write it: they are held to it by its letters.

    In small letters, and without the port that its scheme has anyway.
    """
    parts = urlsplit(_web_url(name, value))
    if parts.username is not None or parts.fragment:
        raise SettingsError(f"{name} must be a web address such as https://example.se.")
    host = (parts.hostname or "").removesuffix(".")
    port = "" if parts.port in {None, _USUAL_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


def _optional_traces_url(value: str) -> str:
    return _web_url("RADSLAG_TRACES_URL", value) if value else ""


def _web_url_or_file(name: str, value: str) -> str:
    parts = _parts(value)
    if "://" in value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise SettingsError(f"{name} must be a file or a web address such as https://example.se/a.")
    return value


def _smtp_url(value: str) -> str:
    parts = _parts(value)
    if parts.scheme not in {"smtp", "smtps"} or not unquote(parts.hostname or ""):
        raise SettingsError("RADSLAG_SMTP_URL must look like smtp://host:587?starttls=1.")
    # What mail servers agree on (RFC 4954); said now, not when the first letter is due.
    if not unquote(f"{parts.username}{parts.password}").isascii():
        raise SettingsError("RADSLAG_SMTP_URL must have a user and a password without å, ä or ö.")
    return value


def _mail_rate(value: str) -> str:
    if value.lower() != "off" and not _RATE.fullmatch(value.lower()):
        raise SettingsError("RADSLAG_MAIL_RATE must look like 60/minute, or be off.")
    return value.lower()


def _mail_from(value: str) -> str:
    try:
        mailboxes.of_sender(value)
    except BadAddressError:
        raise SettingsError(
            "RADSLAG_MAIL_FROM must be an address without å, ä or ö, alone or after a name: "
            "Rådslag <radslag@example.se>."
        ) from None
    return value


def _bounce_address(value: str) -> str:
    plain = _ID_OF_LETTER.sub(r"\g<1>" + "0" * 32, value)
    try:
        is_alone = not value or mailboxes.of_sender(plain)[0] == ""
    except BadAddressError:
        is_alone = False
    if not is_alone or "<" in value or "*" in plain:
        raise SettingsError(
            "RADSLAG_BOUNCE_ADDRESS must be an address: studsar@example.se, or "
            "studsar+*@example.se."
        )
    return value


# Where the id of a letter may stand in a return path.
_ID_OF_LETTER = re.compile(r"([+=._-])\*(?=@)")


def _bounce_secret(value: str) -> str:
    if value and len(value) < MIN_BEARER_LENGTH:
        raise SettingsError(
            f"RADSLAG_BOUNCE_SECRET must have {MIN_BEARER_LENGTH} characters or more."
        )
    return value


def _secret_key(value: str) -> str:
    if len(value) < MIN_SECRET_LENGTH:
        raise SettingsError(f"RADSLAG_SECRET_KEY must have {MIN_SECRET_LENGTH} characters or more.")
    return value


def _timezone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"RADSLAG_TIMEZONE is not a time zone: {value}. Try Europe/Stockholm."
        ) from None


def _whole_number(name: str, value: str) -> int:
    if not value.isdecimal():
        raise SettingsError(f"{name} must be a whole number, not {value}.")
    return int(value)


# Ten years: more than anybody keeps, and less than a calendar can hold.
_MOST_DAYS = 3660


def _days(name: str, value: str, least: int = 1) -> int:
    days = _whole_number(name, value)
    if not least <= days <= _MOST_DAYS:
        raise SettingsError(f"{name} must be a number of days from {least} to {_MOST_DAYS}.")
    return days


# Whoever was rejected may ask for a new look, and whoever decided may have erred.
_FEWEST_DAYS = 7


def _destroy_days(name: str, value: str) -> int:
    return 0 if _whole_number(name, value) == 0 else _days(name, value, least=_FEWEST_DAYS)


def _decision_number(value: str) -> str:
    if not value.isprintable() or len(value) > _LONGEST_NUMBER:
        raise SettingsError(
            "RADSLAG_DESTRUCTION_DECISION must be the number of a decision, such as KS 2026/123."
        )
    return value


_LONGEST_NUMBER = 100


def _second_factor(value: str) -> str:
    if value.lower() not in {"nobody", "admins", "all"}:
        raise SettingsError("RADSLAG_SECOND_FACTOR must be nobody, admins or all.")
    return value.lower()


# A shorter time would end the session of somebody who reads.
_SHORTEST_IDLE_MIN = 5


def _idle_minutes(value: str) -> int:
    minutes = _whole_number("RADSLAG_IDLE_MINUTES", value)
    if 0 < minutes < _SHORTEST_IDLE_MIN:
        raise SettingsError(f"RADSLAG_IDLE_MINUTES must be 0, or {_SHORTEST_IDLE_MIN} or more.")
    return minutes


def _switch(name: str, value: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if value.lower() not in known:
        raise SettingsError(f"{name} must be 1 or 0, not {value}.")
    return known[value.lower()]


def _on_or_off(name: str, value: str) -> bool:
    if value.lower() not in {"on", "off"}:
        raise SettingsError(f"{name} must be on or off, not {value}.")
    return value.lower() == "on"


_LIMIT = re.compile(
    r"\d+\s*/\s*(second|minute|hour|day)(\s*;\s*\d+\s*/\s*(second|minute|hour|day))*"
)


def _submit_limit(value: str) -> str:
    if value.lower() != "off" and not _LIMIT.fullmatch(value):
        raise SettingsError("RADSLAG_SUBMIT_LIMIT must look like 30/minute;300/hour, or be off.")
    return value.lower()


def _hosts_and_networks(value: str) -> tuple[str, ...]:
    found = tuple(each.strip().lower() for each in value.split(",") if each.strip())
    if found in {(), ("off",)}:
        return ()
    for each in found:
        try:
            ip_network(each)
        except ValueError:
            if not _HOST.fullmatch(each):
                raise SettingsError(
                    "RADSLAG_WEBHOOK_PRIVATE must be off, or names of hosts and networks such as "
                    f"10.20.0.0/16 with commas between, not {each}."
                ) from None
    return found


# With a letter in its last part: anything else is read as an address.
_HOST = re.compile(r"(?:[\w-]+\.)*[\w-]*[^\W\d_][\w-]*")


def _size(value: str) -> str:
    if value.lower() not in {"small", "large"}:
        raise SettingsError("RADSLAG_SIZE must be small or large.")
    return value.lower()


def _log_level(value: str) -> str:
    if value.lower() not in {"debug", "info", "warning", "error"}:
        raise SettingsError("RADSLAG_LOG_LEVEL must be debug, info, warning or error.")
    return value.lower()


def _oidc_issuer(value: str) -> str:
    """Return an issuer as it is: with or without a slash at its end it is another one."""
    if not value:
        return ""
    parts = _parts(value)
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or (local and parts.scheme == "http")):
        raise SettingsError("RADSLAG_OIDC_ISSUER must start with https://.")
    return value


def _oidc_roles(value: str) -> Mapping[str, str]:
    pairs = [pair.partition("=") for pair in value.split(";") if pair.strip()]
    roles = {role.strip(): name.strip() for role, _equals, name in pairs}
    if not roles or not set(roles) <= {"admin", "moderator", "reader"} or not all(roles.values()):
        raise SettingsError("RADSLAG_OIDC_ROLES must look like admin=A;moderator=B;reader=C.")
    return MappingProxyType(roles)


# How each setting is read that is not simply a text.
READERS: Mapping[str, Any] = {
    "database_url": _database_url,
    "public_database_url": _optional_database_url,
    "broker_url": _broker_url,
    "queue_url": _queue_url,
    "secret_key": _secret_key,
    "public_url": lambda value: _own_url("RADSLAG_PUBLIC_URL", value),
    "desk_url": lambda value: _own_url("RADSLAG_DESK_URL", value),
    "smtp_url": _smtp_url,
    "mail_from": _mail_from,
    "mail_rate": _mail_rate,
    "bounce_address": _bounce_address,
    "bounce_secret": _bounce_secret,
    "akismet_url": lambda value: _web_url("RADSLAG_AKISMET_URL", value),
    "stopforumspam_url": lambda value: _web_url("RADSLAG_STOPFORUMSPAM_URL", value),
    "bad_hosts": lambda value: _web_url_or_file("RADSLAG_BAD_HOSTS", value),
    "timezone": _timezone,
    "trusted_proxies": lambda value: _whole_number("RADSLAG_TRUSTED_PROXIES", value),
    "submit_limit": _submit_limit,
    "web_processes": lambda value: _whole_number("RADSLAG_WEB_PROCESSES", value),
    "size": _size,
    "undo_seconds": lambda value: _whole_number("RADSLAG_UNDO_SECONDS", value),
    "correction_days": lambda value: _whole_number("RADSLAG_CORRECTION_DAYS", value),
    "second_factor": _second_factor,
    "second_factor_grace_days": lambda value: _days(
        "RADSLAG_SECOND_FACTOR_GRACE_DAYS", value, least=0
    ),
    "idle_minutes": _idle_minutes,
    "security_log_days": lambda value: _days("RADSLAG_SECURITY_LOG_DAYS", value),
    "destruction_decision": _decision_number,
    **{
        f"destroy_{each}_days": partial(_destroy_days, f"RADSLAG_DESTROY_{each.upper()}_DAYS")
        for each in ("spam", "rejected", "unlawful", "withdrawn", "deliveries")
    },
    "import_days": lambda value: _days("RADSLAG_IMPORT_DAYS", value),
    "webhook_private": _hosts_and_networks,
    "hold_letters": lambda value: _switch("RADSLAG_HOLD_LETTERS", value),
    "oidc_issuer": _oidc_issuer,
    "oidc_trust_email": lambda value: _switch("RADSLAG_OIDC_TRUST_EMAIL", value),
    "oidc_create": lambda value: _switch("RADSLAG_OIDC_CREATE", value),
    "oidc_roles": _oidc_roles,
    "semantic": lambda value: _on_or_off("RADSLAG_SEMANTIC", value),
    "traces_url": _optional_traces_url,
    "child_memory_mb": lambda value: _whole_number("RADSLAG_CHILD_MEMORY_MB", value),
    "access_log": lambda value: _switch("RADSLAG_ACCESS_LOG", value),
    "celery_events": lambda value: _switch("RADSLAG_CELERY_EVENTS", value),
    "log_level": _log_level,
}
