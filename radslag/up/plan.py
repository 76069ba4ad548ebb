"""What a start will run: the options, the settings made from them, and what runs elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from radslag.data_folder import DataFolder
from radslag.embedded.postgres import SMALL_SETTINGS, Postgres
from radslag.embedded.valkey import Valkey
from radslag.mailbox import entrance
from radslag.ports import PortError, check_port, free_port, make_url
from radslag.processes import DESK_PORT, PUBLIC_PORT
from radslag.up.notifying import ADDRESS
from services.moderation.semantic.model import why_off
from shared.config import SECRETS, SMALL, Settings, read_secret_files

MAIL_PORT = 8025


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    data: Path
    host: str = "127.0.0.1"
    public_port: int = PUBLIC_PORT
    desk_port: int = DESK_PORT
    mail_port: int = MAIL_PORT
    empty: bool = False
    hold_letters: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start. A server that the environment names is not started here."""

    options: Options
    environment: dict[str, str]
    settings: Settings
    postgres: Postgres | None
    valkey: Valkey | None
    smtp_port: int | None

    @property
    def mail_url(self) -> str | None:
        """Where the letters can be read, if they stay on this machine; the address is the key."""
        if self.smtp_port is None:
            return None
        page = make_url(self.mail_host, self.options.mail_port)
        return f"{page}/{entrance.make_token(self.settings.secret_key)}"

    @property
    def mail_host(self) -> str:
        """Where that page listens: for others than this machine only with a password."""
        return _mail_host(self.options, self.environment)

    def shown(self) -> dict[str, str]:
        """Return what `radslag env` shows and other commands use."""
        own = {
            name: value for name, value in self.environment.items() if name.startswith("RADSLAG_")
        }
        own.pop("RADSLAG_DIE_WITH_PARENT", None)
        if self.mail_url:
            own["RADSLAG_MAIL_URL"] = self.mail_url
        return dict(sorted(own.items()))


def make_plan(options: Options, folder: DataFolder, environment: Mapping[str, str]) -> Plan:
    """Check the ports and settle every setting; what the environment says wins.

    Raises PortError, SettingsError, or NotInstalledError, each with one sentence.
    """
    named = read_secret_files(environment, (*SECRETS, entrance.PASSWORD))
    # Whom systemd asks is us; a web would tell it that all works when it does.
    env = {name: value for name, value in named.items() if value and name != ADDRESS}
    smtp_port = None if "RADSLAG_SMTP_URL" in env else free_port()
    mail_host = _mail_host(options, env) if smtp_port else None
    if mail_host:
        entrance.check_password(env.get(entrance.PASSWORD, ""), mail_host)
    _check_ports(options, mail_host=mail_host)
    small = env.get("RADSLAG_SIZE", SMALL).lower() == SMALL
    own = SMALL_SETTINGS if small else {}
    postgres = None if "RADSLAG_DATABASE_URL" in env else Postgres(folder, settings=own)
    valkey = None if "RADSLAG_BROKER_URL" in env else Valkey(folder)
    made = {
        "RADSLAG_PUBLIC_URL": make_url(options.host, options.public_port),
        "RADSLAG_DESK_URL": make_url(options.host, options.desk_port),
    }
    if postgres is not None:
        made["RADSLAG_DATABASE_URL"] = postgres.url
    if valkey is not None:
        made["RADSLAG_BROKER_URL"] = valkey.url
    if smtp_port is not None:
        made["RADSLAG_SMTP_URL"] = f"smtp://127.0.0.1:{smtp_port}"
    if "RADSLAG_SECRET_KEY" not in env:
        made["RADSLAG_SECRET_KEY"] = folder.secret_key()
    if "RADSLAG_SEMANTIC" not in env and why_off() is None:
        made["RADSLAG_SEMANTIC"] = "on"
    if options.hold_letters or folder.holds_letters:
        env["RADSLAG_HOLD_LETTERS"] = "1"
    made["RADSLAG_SIZE"] = SMALL
    env = {
        **made,
        **env,
        "RADSLAG_DATA": str(folder.path),
        "RADSLAG_DIE_WITH_PARENT": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return Plan(options, env, Settings.from_env(env), postgres, valkey, smtp_port)


def _mail_host(options: Options, env: Mapping[str, str]) -> str:
    is_open = bool(env.get(entrance.PASSWORD)) or entrance.is_local(options.host)
    return options.host if is_open else "127.0.0.1"


def _check_ports(options: Options, *, mail_host: str | None) -> None:
    wanted = {
        "--public-port": (options.host, options.public_port),
        "--desk-port": (options.host, options.desk_port),
        **({"--mail-port": (mail_host, options.mail_port)} if mail_host else {}),
    }
    seen: dict[int, str] = {}
    for option, (host, port) in wanted.items():
        if port in seen:
            raise PortError(f"{seen[port]} and {option} are both {port}: choose two ports.")
        seen[port] = option
        check_port(host, port, option)
