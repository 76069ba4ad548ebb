"""Settings: the only place that reads the environment. `docs/settings.md` documents each one."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from shared.setting_values import READERS, SettingsError

__all__ = [
    "LARGE",
    "PREFIX",
    "SAMPLE_AUTHORITY",
    "SECRETS",
    "SMALL",
    "Settings",
    "SettingsError",
    "beat_file",
    "data_folder",
    "dies_with_parent",
    "longest_silence_s",
    "read_secret_files",
    "sqlalchemy_url",
]

PREFIX = "RADSLAG_"
# RADSLAG_SIZE
SMALL, LARGE = "small", "large"
# Whose a system is that nobody has given a name.
SAMPLE_AUTHORITY = "Helsingborgs stad"
_SECONDS: Mapping[str, int] = MappingProxyType({"second": 1, "minute": 60, "hour": 3600})


class _NotTold(str):
    """A setting that this process was not told: empty to look at, but nothing is made with it.

    What is signed with an empty key could be made by anybody.
    """

    __slots__ = ("setting",)
    setting: str

    def __new__(cls, setting: str) -> Self:
        made = super().__new__(cls, "")
        made.setting = setting
        return made

    def encode(self, *_how: Any, **_more: Any) -> NoReturn:
        raise SettingsError(f"{self.setting} must be set in this process, too.")


def _setting(help_text: str, default: str | None = None, *, secret: bool = False) -> Any:
    """Declare a setting; one without default is required, one that is secret may be in a file."""
    metadata = {"help": help_text, "default": default, "secret": secret}
    return field(metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked. A field's name in the environment: `RADSLAG_` and it in capitals."""

    database_url: str = _setting(
        "PostgreSQL: `postgresql://user:password@host/database`", secret=True
    )
    broker_url: str = _setting(
        "Valkey or Redis: `redis://:password@host:6379/0` or `unix:///path/valkey.sock?db=0`",
        secret=True,
    )
    queue_url: str = _setting(
        "RabbitMQ, for messages to workers alone: `amqp://user:password@host:5672/vhost`; empty: "
        "they go through the broker",
        "",
        secret=True,
    )
    secret_key: str = _setting(
        "At least 32 characters; signs receipts and sessions, and locks second factors. Changing "
        "it signs staff out, ends links for passwords and invitations, and makes authenticator "
        "apps worthless (recovery codes still work); receipt links already handed out keep working",
        secret=True,
    )
    public_url: str = _setting("Where residents reach the public web: `https://dialog.example.se`")
    desk_url: str = _setting("Where staff reach the desk: `https://radslag.example.se`")
    smtp_url: str = _setting(
        "Outgoing mail: `smtp://user:password@host:587?starttls=1`", secret=True
    )
    mail_from: str = _setting("Sender of every letter", "Rådslag <radslag@localhost>")
    mail_rate: str = _setting(
        "How many letters may leave, all workers together: `60/minute`, evenly spread, or `off`",
        "off",
    )
    bounce_address: str = _setting(
        "Where other servers report letters that they could not deliver (the sender on the "
        "envelope). With a `*` before the @, `studsar+*@example.se`, the letter's id stands there, "
        "for mail services that replace the Message-ID; empty: the address of RADSLAG_MAIL_FROM",
        "",
    )
    bounce_secret: str = _setting(
        "Bearer secret, 16 characters or more, for reports of undeliverable letters to "
        "`POST /hooks/bounces` of the public web; empty: it takes none",
        "",
        secret=True,
    )
    authority: str = _setting("The authority that answers for the pages", SAMPLE_AUTHORITY)
    contact: str = _setting(
        "Where a resident can turn with questions (an address, shown on pages and in letters); "
        "empty as soon as RADSLAG_AUTHORITY names another city",
        "kontaktcenter@helsingborg.se",
    )
    timezone: ZoneInfo = _setting("The city's time zone", "Europe/Stockholm")  # noqa: RUF009
    trusted_proxies: int = _setting(
        "How many proxies in front of the web set X-Forwarded-For and -Proto", "0"
    )
    web_processes: int = _setting(
        "How many processes the public web has, and how many the desk; `0`: one for each core", "0"
    )
    size: str = _setting(
        "What `radslag up` runs: `small`, for a city's hundreds of ideas a day, needs about "
        "550 MB of memory in all; `large` runs the processes of docker-compose.yml, each by itself",
        SMALL,
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
        secret=True,
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
        "Bearer token for `/metrics` from other machines; without it only loopback may read",
        "",
        secret=True,
    )
    metrics_folder: str = _setting(
        "Where the processes of one machine keep their counts for `/metrics`; empty: it tells only "
        "what the database knows (`radslag up` has its own folder)",
        "",
    )
    second_factor: str = _setting(
        "Who must have a second factor beside the password, until an administrator chooses under "
        "Staff: `nobody`, `admins` or `all`",
        "admins",
    )
    second_factor_grace_days: int = _setting(
        "How many days they may still do without, from the first time they come in; `0`: they set "
        "one up before they come in",
        "7",
    )
    idle_minutes: int = _setting(
        "After how many minutes in which nobody does anything a session at the desk ends, 5 or "
        "more; `0`: after 12 hours only",
        "0",
    )
    security_log_days: int = _setting(
        "How many days the desk's security log is kept: who signed in, what failed and was refused",
        "180",
    )
    destruction_decision: str = _setting(
        "The number of the authority's decision on destruction (gallringsbeslut). Empty: nothing "
        "that residents wrote is ever destroyed by itself",
        "",
    )
    destroy_spam_days: int = _setting(
        "How many days after the last that was done about it the words of an idea go that was "
        "rejected as spam; `0`: never",
        "0",
    )
    destroy_rejected_days: int = _setting(
        "The same for ideas rejected by any other rule but `unlawful`", "0"
    )
    destroy_unlawful_days: int = _setting(
        "The same for what may be evidence: rejected as unlawful, or with a threat in it, also "
        "where its writer took it back",
        "0",
    )
    destroy_withdrawn_days: int = _setting(
        "The same for ideas that their writers, or who imported them, took back", "0"
    )
    destroy_deliveries_days: int = _setting(
        "How many days after it was put aside a form tool's delivery goes that became no idea; "
        "`0`: never",
        "0",
    )
    import_days: int = _setting(
        "How many days the words of a file are kept that was read at the desk and that nobody "
        "decided about, and of its lines that could not be brought in",
        "30",
    )
    public_database_url: str = _setting(
        "A read replica for the public pages; empty: the database itself", "", secret=True
    )
    oidc_issuer: str = _setting(
        "The city's directory, for signing in through OpenID Connect: its issuer, such as "
        "`https://login.microsoftonline.com/TENANT/v2.0` or `https://id.example.se/realms/staden`; "
        "empty: off",
        "",
    )
    oidc_client_id: str = _setting("What the directory calls the desk", "")
    oidc_client_secret: str = _setting(
        "The secret that the directory gave the desk", "", secret=True
    )
    oidc_name: str = _setting("What the directory is called on the button; empty: a usual word", "")
    oidc_email_claim: str = _setting(
        "The claim that holds a person's address. Only `email` together with `email_verified` "
        "links an account that is there; with any other its owner links it under My account",
        "email",
    )
    oidc_trust_email: bool = _setting(
        "`1`: new accounts are made for the address in that claim without `email_verified`. Only "
        "for a directory in which nobody but the city sets it, such as a tenant of one's own in "
        "Entra ID, which gives no such claim. It links no account that is there",
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
    traces_url: str = _setting(
        "Where traces go by OpenTelemetry (OTLP over HTTP): `http://collector:4318/v1/traces`; "
        "needs the extra `tracing`; empty: nowhere",
        "",
    )
    sentry_dsn: str = _setting(
        "Where errors are reported by the protocol of Sentry, without words or values: its DSN; "
        "needs the extra `sentry`; empty: nowhere",
        "",
    )
    child_memory_mb: int = _setting(
        "How many megabytes a child of a worker may have needed, or fewer where its container has "
        "not so much room for each; one that needed more is replaced after its task. `0`: any "
        "number",
        "600",
    )
    access_log: bool = _setting(
        "`1`: a line in the log for each request, with its route, status, time and id; no "
        "addresses, of pages or of people",
        "0",
    )
    celery_events: bool = _setting(
        "`1`: workers tell the broker what they work on, and answer questions, so that Flower can "
        "show it",
        "0",
    )
    log_level: str = _setting("`debug`, `info`, `warning` or `error`", "info")

    @classmethod
    def from_env(
        cls, env: Mapping[str, str] | None = None, *, without: Collection[str] = ()
    ) -> "Settings":
        """Read and check all settings.

        `without` names what this program can do without, such as a secret that only others need;
        where nothing is said of it, it is empty and cannot be used. Raises SettingsError naming
        every setting that is missing, or the first that is wrong.
        """
        env = read_secret_files(os.environ if env is None else env)
        made: dict[str, Any] = {}
        raw: dict[str, str] = {}
        missing = []
        is_sample = not env.get(PREFIX + "AUTHORITY", "").strip()
        for item in fields(cls):
            name = PREFIX + item.name.upper()
            # One city's residents are never sent to another city's.
            default = item.metadata["default"] if is_sample or item.name != "contact" else ""
            value = env.get(name, "").strip() or default
            if value is not None:
                raw[item.name] = value
            elif item.name in without:
                made[item.name] = _NotTold(name)
            else:
                missing.append(name)
        if missing:
            raise SettingsError(f"Missing settings: {', '.join(missing)}.")
        made |= {name: READERS.get(name, str)(value) for name, value in raw.items()}
        found = cls(**made)
        if found.oidc_issuer and not found.oidc_client_id:
            raise SettingsError("RADSLAG_OIDC_CLIENT_ID must be set beside RADSLAG_OIDC_ISSUER.")
        days = [each.name for each in fields(cls) if re.fullmatch("destroy_.*_days", each.name)]
        if not found.destruction_decision and any(getattr(found, name) for name in days):
            raise SettingsError(
                "RADSLAG_DESTRUCTION_DECISION must be set beside RADSLAG_DESTROY_…_DAYS."
            )
        return found

    @property
    def mail_gap_s(self) -> float:
        """How long after a letter the next may leave; 0 for no limit."""
        if self.mail_rate == "off":
            return 0.0
        number, _slash, unit = self.mail_rate.partition("/")
        return _SECONDS[unit.strip()] / int(number)

    @property
    def own_hosts(self) -> frozenset[str]:
        """The hosts of the city's pages and of its addresses of mail."""
        pages = (urlsplit(each).hostname or "" for each in (self.public_url, self.desk_url))
        named = (each.rpartition("@") for each in (self.contact, self.mail_from))
        addresses = (domain.rstrip("> ") for _name, at, domain in named if at)
        return frozenset((*pages, *addresses))

    @property
    def celery_broker_url(self) -> str:
        """What carries messages, as Celery's transport spells it."""
        if self.queue_url:
            return self.queue_url
        parts = urlsplit(self.broker_url)
        if parts.scheme != "unix":
            return self.broker_url
        database = parse_qs(parts.query).get("db", ["0"])[0]
        return f"redis+socket://{parts.path}?virtual_host={database}"

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy spells it, with the driver named."""
        return sqlalchemy_url(self.database_url)


# What may be kept from the environment: `RADSLAG_X_FILE` names a file that holds RADSLAG_X.
SECRETS = tuple(PREFIX + item.name.upper() for item in fields(Settings) if item.metadata["secret"])
_FILE = "_FILE"
_MOST_IN_A_FILE = 64 * 1024


def read_secret_files(env: Mapping[str, str], secrets: Sequence[str] = SECRETS) -> dict[str, str]:
    """Return an environment with the secrets that files hold, each in the place of its file.

    Where both are given, the file counts. Raises SettingsError for one that cannot be read.
    """
    found = dict(env)
    for name in secrets:
        path = found.pop(name + _FILE, "").strip()
        if path:
            found[name] = _read_secret(name + _FILE, Path(path))
    return found


def _read_secret(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            read = file.read(_MOST_IN_A_FILE + 1)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise SettingsError(f"{name} names a file that cannot be read: {path} ({why}).") from None
    try:
        # A mark at its beginning is the editor's.
        value = read.decode("utf-8-sig").strip()
    except ValueError:
        value = "\0"
    if "\0" in value or len(read) > _MOST_IN_A_FILE:
        raise SettingsError(f"{name} names a file that is no text: {path}.")
    if not value:
        raise SettingsError(f"{name} names a file with nothing in it: {path}.")
    return value


def sqlalchemy_url(database_url: str) -> str:
    """Name the driver (psycopg 3) in a `postgresql://` address."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", database_url)


def data_folder(env: Mapping[str, str] | None = None) -> Path:
    """The folder of the system that `radslag up` runs: RADSLAG_DATA, else `var` here."""
    env = os.environ if env is None else env
    return Path(env.get(PREFIX + "DATA", "") or "var")


def dies_with_parent(env: Mapping[str, str] | None = None) -> bool:
    """Whether this process was told to end when the process that started it ends."""
    env = os.environ if env is None else env
    return env.get(PREFIX + "DIE_WITH_PARENT") == "1"


def beat_file(env: Mapping[str, str] | None = None) -> Path | None:
    """Return the file by which whoever started this process sees that it goes on, if any."""
    env = os.environ if env is None else env
    named = env.get(PREFIX + "BEAT_FILE", "")
    return Path(named) if named else None


def longest_silence_s(env: Mapping[str, str] | None = None) -> int:
    """Return after how long without a sign of life this process ends itself; 0 for never."""
    env = os.environ if env is None else env
    told = env.get(PREFIX + "LONGEST_SILENCE", "")
    return int(told) if told.isdecimal() else 0
