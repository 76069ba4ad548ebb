"""Settings: the only place that reads the environment. `docs/settings.md` documents each one."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError

PREFIX = "RADSLAG_"
MIN_SECRET_LENGTH = 32
# Of what another program shows when it calls us.
MIN_BEARER_LENGTH = 16
_SECONDS: Mapping[str, int] = MappingProxyType({"second": 1, "minute": 60, "hour": 3600})
_RATE = re.compile(r"[1-9]\d{0,5}\s*/\s*(second|minute|hour)")


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one sentence that names it."""


def _setting(help_text: str, default: str | None = None) -> Any:
    """Declare a setting; one without default is required."""
    metadata = {"help": help_text, "default": default}
    return field(metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked. A field's name in the environment: `RADSLAG_` and it in capitals."""

    database_url: str = _setting("PostgreSQL: `postgresql://user:password@host/database`")
    broker_url: str = _setting(
        "Valkey or Redis: `redis://:password@host:6379/0` or `unix:///path/valkey.sock?db=0`"
    )
    secret_key: str = _setting(
        "At least 32 characters; signs receipts and sessions, and locks second factors. Changing "
        "it signs staff out, ends links for passwords and invitations, and makes authenticator "
        "apps worthless (recovery codes still work); receipt links already handed out keep working"
    )
    public_url: str = _setting("Where residents reach the public web: `https://dialog.example.se`")
    desk_url: str = _setting("Where staff reach the desk: `https://radslag.example.se`")
    smtp_url: str = _setting("Outgoing mail: `smtp://user:password@host:587?starttls=1`")
    mail_from: str = _setting("Sender of every letter", "Rådslag <radslag@localhost>")
    mail_rate: str = _setting(
        "How many letters may leave, all workers together: `60/minute`, evenly spread, or `off`",
        "off",
    )
    bounce_address: str = _setting(
        "Where other servers report letters that they could not deliver (the sender on the "
        "envelope); empty: the address of RADSLAG_MAIL_FROM",
        "",
    )
    bounce_secret: str = _setting(
        "Bearer secret, 16 characters or more, for reports of undeliverable letters to "
        "`POST /hooks/bounces` of the public web; empty: it takes none",
        "",
    )
    authority: str = _setting("The authority that answers for the pages", "Helsingborgs stad")
    contact: str = _setting(
        "Where a resident can turn with questions (an address, shown on pages and in letters)",
        "kontaktcenter@helsingborg.se",
    )
    timezone: ZoneInfo = _setting("The city's time zone", "Europe/Stockholm")  # noqa: RUF009
    trusted_proxies: int = _setting(
        "How many proxies in front of the web set X-Forwarded-For and -Proto", "0"
    )
    web_processes: int = _setting(
        "How many processes the public web has, and how many the desk; `0`: one for each core", "0"
    )
    submit_limit: str = _setting(
        "Ideas per source before they are marked as a burst; ten times as many are refused with "
        "429. `off` for load tests",
        "30/minute;300/hour",
    )
    undo_seconds: int = _setting(
        "How long a letter waits after a decision, so that it can be undone", "30"
    )
    correction_days: int = _setting(
        "How many days an idea sleeps whose writer was asked to correct it, before it comes back "
        "to the queue as it is",
        "14",
    )
    hold_letters: bool = _setting(
        "`1`: letters and webhooks wait until an administrator lets them go", "0"
    )
    webhook_private: tuple[str, ...] = _setting(
        "Where webhooks may go beside the open internet, also by plain `http`: names of hosts, "
        "addresses and networks with commas between (`chat.intern.example.se, 10.20.0.0/16`); "
        "`off`: nowhere",
        "off",
    )
    semantic: bool = _setting(
        "`on` or `off`: whether ideas that wish the same in other words are suggested. Needs the "
        "extra `semantic` where the worker `moderation-semantic` runs; `radslag up` turns it on "
        "when that is installed",
        "off",
    )
    akismet_key: str = _setting(
        "Key of an Akismet account; the check that asks it is switched on at the desk under Checks",
        "",
    )
    akismet_url: str = _setting("Where Akismet answers", "https://rest.akismet.com")
    stopforumspam_url: str = _setting(
        "Where StopForumSpam answers; asked only when switched on at the desk under Checks",
        "https://europe.stopforumspam.org/api",
    )
    bad_hosts: str = _setting(
        "A list of bad hosts, one a line: a file, or an address such as URLhaus has. Links are "
        "compared with it when that is switched on at the desk under Checks",
        "",
    )
    metrics_token: str = _setting(
        "Bearer token for `/metrics` from other machines; without it only loopback may read", ""
    )
    public_database_url: str = _setting(
        "A read replica for the public pages; empty: the database itself", ""
    )
    oidc_issuer: str = _setting(
        "The city's directory, for signing in through OpenID Connect: its issuer, such as "
        "`https://login.microsoftonline.com/TENANT/v2.0` or `https://id.example.se/realms/staden`; "
        "empty: off",
        "",
    )
    oidc_client_id: str = _setting("What the directory calls the desk", "")
    oidc_client_secret: str = _setting("The secret that the directory gave the desk", "")
    oidc_name: str = _setting("What the directory is called on the button; empty: a usual word", "")
    oidc_email_claim: str = _setting("The claim that holds a person's address", "email")
    oidc_trust_email: bool = _setting(
        "`1`: that claim is believed without `email_verified`. Only for a directory in which "
        "nobody but the city sets it, such as a tenant of one's own in Entra ID, which gives no "
        "such claim",
        "0",
    )
    oidc_create: bool = _setting(
        "`1`: whoever the directory knows and the desk does not gets an account, as a reader or "
        "with the role that the directory gives; `0`: only those with an account come in",
        "0",
    )
    oidc_role_claim: str = _setting(
        "The claim that holds a person's roles or groups, with dots for what lies inside "
        "(`realm_access.roles`). The directory then says at each sign-in who is what, and lets "
        "nobody in without a role; empty: roles are given at the desk",
        "",
    )
    oidc_roles: Mapping[str, str] = _setting(
        "What the roles are called in that claim",
        "admin=radslag-admin;moderator=radslag-moderator;reader=radslag-reader",
    )
    log_level: str = _setting("`debug`, `info`, `warning` or `error`", "info")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read and check all settings.

        Raises SettingsError naming every setting that is missing, or the first that is wrong.
        """
        env = os.environ if env is None else env
        raw: dict[str, str] = {}
        missing = []
        for item in fields(cls):
            name = PREFIX + item.name.upper()
            value = env.get(name, "").strip() or item.metadata["default"]
            if value is None:
                missing.append(name)
            else:
                raw[item.name] = value
        if missing:
            raise SettingsError(f"Missing settings: {', '.join(missing)}.")
        made = cls(**{name: _CONVERT.get(name, str)(value) for name, value in raw.items()})
        if made.oidc_issuer and not made.oidc_client_id:
            raise SettingsError("RADSLAG_OIDC_CLIENT_ID must be set beside RADSLAG_OIDC_ISSUER.")
        return made

    @property
    def mail_gap_s(self) -> float:
        """How long after a letter the next may leave; 0 for no limit."""
        if self.mail_rate == "off":
            return 0.0
        number, _slash, unit = self.mail_rate.partition("/")
        return _SECONDS[unit.strip()] / int(number)

    @property
    def celery_broker_url(self) -> str:
        """The broker as Celery's transport spells it."""
        parts = urlsplit(self.broker_url)
        if parts.scheme != "unix":
            return self.broker_url
        database = parse_qs(parts.query).get("db", ["0"])[0]
        return f"redis+socket://{parts.path}?virtual_host={database}"

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy spells it, with the driver named."""
        return sqlalchemy_url(self.database_url)


def sqlalchemy_url(database_url: str) -> str:
    """Name the driver (psycopg 3) in a `postgresql://` address."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", database_url)


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


def _web_url(name: str, value: str) -> str:
    parts = _parts(value)
    # Addresses are put into headers; a reader of addresses drops line ends, a header does not.
    is_plain = all("!" <= sign <= "~" for sign in value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or not is_plain:
        raise SettingsError(f"{name} must be a web address such as https://example.se.")
    return value.rstrip("/")


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
    try:
        is_alone = not value or mailboxes.of_sender(value)[0] == ""
    except BadAddressError:
        is_alone = False
    if not is_alone or "<" in value:
        raise SettingsError("RADSLAG_BOUNCE_ADDRESS must be an address: studsar@example.se.")
    return value


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


_CONVERT: Mapping[str, Any] = {
    "database_url": _database_url,
    "public_database_url": _optional_database_url,
    "broker_url": _broker_url,
    "secret_key": _secret_key,
    "public_url": lambda value: _web_url("RADSLAG_PUBLIC_URL", value),
    "desk_url": lambda value: _web_url("RADSLAG_DESK_URL", value),
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
    "undo_seconds": lambda value: _whole_number("RADSLAG_UNDO_SECONDS", value),
    "correction_days": lambda value: _whole_number("RADSLAG_CORRECTION_DAYS", value),
    "webhook_private": _hosts_and_networks,
    "hold_letters": lambda value: _switch("RADSLAG_HOLD_LETTERS", value),
    "oidc_issuer": _oidc_issuer,
    "oidc_trust_email": lambda value: _switch("RADSLAG_OIDC_TRUST_EMAIL", value),
    "oidc_create": lambda value: _switch("RADSLAG_OIDC_CREATE", value),
    "oidc_roles": _oidc_roles,
    "semantic": lambda value: _on_or_off("RADSLAG_SEMANTIC", value),
    "log_level": _log_level,
}


def data_folder(env: Mapping[str, str] | None = None) -> Path:
    """The folder of the system that `radslag up` runs: RADSLAG_DATA, else `var` here."""
    env = os.environ if env is None else env
    return Path(env.get(PREFIX + "DATA", "") or "var")


def dies_with_parent(env: Mapping[str, str] | None = None) -> bool:
    """Whether this process was told to end when the process that started it ends."""
    env = os.environ if env is None else env
    return env.get(PREFIX + "DIE_WITH_PARENT") == "1"
