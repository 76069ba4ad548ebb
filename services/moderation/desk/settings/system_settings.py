"""The settings in force, for administrators to read. What is secret is never shown.

A setting shows its value only when this file says how; of any other only that it is set. So one
that is added later is secret until somebody has thought about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from services.moderation.desk import words
from shared.config import PREFIX, Settings
from shared.i18n import gettext as _
from shared.models import Role


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting: its name in the environment, what it is for, and what may be told of it.

    `about` is empty for one that has no sentence yet; `help` is then its English text.
    """

    name: str
    about: str
    help: str
    value: str
    is_secret: bool
    is_usual: bool


def _plain(value: Any) -> str:
    return str(value)


def _switch(value: Any) -> str:
    return _("på") if value else _("av")


def _seconds(value: Any) -> str:
    return _("%(n)s sekunder", n=value)


def _place(value: Any) -> str:
    """Return where an address leads, without user, password and parameters."""
    parts = urlsplit(str(value))
    if not parts.hostname:
        return f"{parts.scheme}:{parts.path}" if parts.scheme else _("en fil")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _roles(value: Mapping[str, str]) -> str:
    return ", ".join(f"{words.say_role(Role(role))}: {name}" for role, name in value.items())


_OPEN: Mapping[str, Callable[[Any], str]] = {
    "database_url": _place,
    "broker_url": _place,
    "queue_url": _place,
    "smtp_url": _place,
    "public_url": _plain,
    "desk_url": _plain,
    "mail_from": _plain,
    "authority": _plain,
    "contact": _plain,
    "timezone": _plain,
    "trusted_proxies": _plain,
    "submit_limit": _plain,
    "size": _plain,
    "undo_seconds": _seconds,
    "correction_days": _plain,
    "hold_letters": _switch,
    "semantic": _switch,
    "akismet_url": _place,
    "stopforumspam_url": _place,
    "bad_hosts": _place,
    "public_database_url": _place,
    "second_factor": _plain,
    "second_factor_grace_days": _plain,
    "idle_minutes": _plain,
    "security_log_days": _plain,
    "destruction_decision": _plain,
    "destroy_spam_days": _plain,
    "destroy_rejected_days": _plain,
    "destroy_unlawful_days": _plain,
    "destroy_withdrawn_days": _plain,
    "destroy_deliveries_days": _plain,
    "import_days": _plain,
    "oidc_issuer": _place,
    "oidc_name": _plain,
    "oidc_email_claim": _plain,
    "oidc_trust_email": _switch,
    "oidc_create": _switch,
    "oidc_role_claim": _plain,
    "oidc_roles": _roles,
    "metrics_folder": _plain,
    "child_memory_mb": _plain,
    "access_log": _switch,
    "celery_events": _switch,
    "log_level": _plain,
}

# Not told to the desk: only who uses them knows.
_OF_OTHERS = frozenset({"smtp_url", "bounce_secret", "public_database_url"})

_ABOUT: Mapping[str, Callable[[], str]] = {
    "database_url": lambda: _("Databasen, där allt finns."),
    "broker_url": lambda: _("Servern som delar ut arbetet (Valkey)."),
    "queue_url": lambda: _("Servern som bär arbetet till processerna (RabbitMQ)."),
    "secret_key": lambda: _("Nyckeln som skriver under kvitton och inloggningar."),
    "public_url": lambda: _("Där invånarna lämnar idéer."),
    "desk_url": lambda: _("Där ni är nu."),
    "smtp_url": lambda: _("Servern som skickar brev."),
    "mail_from": lambda: _("Avsändare i alla brev."),
    "authority": lambda: _("Myndigheten som svarar för sidorna."),
    "contact": lambda: _("Dit invånare kan vända sig med frågor."),
    "timezone": lambda: _("Stadens tidszon."),
    "trusted_proxies": lambda: _("Hur många mellanled framför webben som får säga vem som frågar."),
    "submit_limit": lambda: _("Hur många idéer från en källa som tas emot utan att märkas."),
    "undo_seconds": lambda: _("Hur länge ett brev väntar efter ett beslut, så att det kan ångras."),
    "correction_days": lambda: _(
        "Hur många dagar en idé vilar när skribenten har ombetts att rätta den."
    ),
    "size": lambda: _(
        "Hur mycket som körs på en maskin: small för en stads hundratal idéer om dagen, large för"
        " fler."
    ),
    "hold_letters": lambda: _("Om alla brev hålls kvar tills någon släpper dem."),
    "semantic": lambda: _("Om idéer som önskar samma sak med andra ord föreslås."),
    "akismet_key": lambda: _("Nyckel hos Akismet."),
    "akismet_url": lambda: _("Där Akismet svarar."),
    "stopforumspam_url": lambda: _("Där StopForumSpam svarar."),
    "bad_hosts": lambda: _("Listan över farliga webbplatser som länkar jämförs med."),
    "metrics_token": lambda: _("Lösenord för driftens mätvärden."),
    "public_database_url": lambda: _("En kopia av databasen för de publika sidorna."),
    "oidc_issuer": lambda: _("Stadens katalog, för inloggning med stadens konto."),
    "oidc_client_id": lambda: _("Vad katalogen kallar Rådslag."),
    "oidc_client_secret": lambda: _("Hemligheten som katalogen gav Rådslag."),
    "oidc_name": lambda: _("Vad katalogen heter på knappen."),
    "oidc_email_claim": lambda: _("Var i katalogens svar adressen står."),
    "oidc_trust_email": lambda: _("Om nya konton får adressen fast katalogen inte bekräftat den."),
    "oidc_create": lambda: _("Om den som katalogen känner får ett konto av sig själv."),
    "oidc_role_claim": lambda: _("Var i katalogens svar rollerna står."),
    "oidc_roles": lambda: _("Vad rollerna heter i katalogen."),
    "metrics_folder": lambda: _("Mappen där processerna på en maskin räknar vad de gör."),
    "traces_url": lambda: _("Dit det skickas hur lång tid varje steg tar (OpenTelemetry)."),
    "sentry_dsn": lambda: _("Dit fel i programmet rapporteras (Sentry)."),
    "child_memory_mb": lambda: _(
        "Hur många megabyte en arbetsprocess får ha behövt innan den byts ut; 0 betyder hur många"
        " som helst."
    ),
    "access_log": lambda: _("Om varje fråga till webbarna får en rad i driftloggen."),
    "celery_events": lambda: _(
        "Om arbetsprocesserna berättar vad de gör, så att Flower kan visa det."
    ),
    "log_level": lambda: _("Hur mycket som skrivs i driftloggen."),
    "mail_rate": lambda: _("Hur många brev som får gå i väg, jämnt fördelade."),
    "bounce_address": lambda: _("Dit andra servrar rapporterar brev som inte kom fram."),
    "bounce_secret": lambda: _("Lösenord för rapporter om brev som inte kom fram."),
    "web_processes": lambda: _("Hur många processer webben har; 0 betyder en per kärna."),
    "second_factor": lambda: _(
        "Vem som måste logga in i två steg, så länge ingen har valt det under Personal."
    ),
    "second_factor_grace_days": lambda: _("Hur många dagar de har på sig att slå på det."),
    "idle_minutes": lambda: _(
        "Efter hur många minuter utan att någon gör något man loggas ut; 0 betyder efter tolv"
        " timmar."
    ),
    "security_log_days": lambda: _("Hur många dagar säkerhetsloggen sparas."),
    "destruction_decision": lambda: _(
        "Numret på stadens beslut om gallring. Utan det gallras inget av sig självt."
    ),
    "destroy_spam_days": lambda: _(
        "Efter hur många dagar orden i en idé som avslagits som skräp gallras; 0 betyder aldrig."
    ),
    "destroy_rejected_days": lambda: _(
        "Efter hur många dagar orden i andra avslagna idéer gallras; 0 betyder aldrig."
    ),
    "destroy_unlawful_days": lambda: _(
        "Efter hur många dagar sådant som kan vara bevis, till exempel hot, gallras; 0 betyder"
        " aldrig."
    ),
    "destroy_withdrawn_days": lambda: _(
        "Efter hur många dagar orden i en idé som tagits tillbaka gallras; 0 betyder aldrig."
    ),
    "destroy_deliveries_days": lambda: _(
        "Efter hur många dagar ett formulärsvar som aldrig blev en idé gallras; 0 betyder aldrig."
    ),
    "import_days": lambda: _(
        "Hur många dagar orden sparas i en inläst fil som ingen har tagit ställning till."
    ),
    "webhook_private": lambda: _("Dit kopplingar får gå på stadens eget nät."),
}


def list_settings(settings: Settings) -> list[Shown]:
    """Return every setting in the order of their documentation."""
    found = []
    for item in fields(settings):
        value = getattr(settings, item.name)
        usual = item.metadata["default"]
        is_set = value not in (None, "")
        tell = _OPEN.get(item.name)
        if not is_set and item.name in _OF_OTHERS:
            said = _("vet bara den tjänst som använder den")
        elif not is_set:
            said = _("inte satt")
        elif tell is None:
            said = _("satt, visas inte")
        else:
            said = tell(value)
        found.append(
            Shown(
                name=PREFIX + item.name.upper(),
                about=_ABOUT[item.name]() if item.name in _ABOUT else "",
                help=item.metadata["help"],
                value=said,
                is_secret=tell is None,
                is_usual=is_set and usual is not None and _is_usual(value, usual),
            )
        )
    return found


def _is_usual(value: Any, usual: str) -> bool:
    if isinstance(value, bool):
        return value == (usual in {"1", "on"})
    if isinstance(value, Mapping):
        return usual == ";".join(f"{name}={said}" for name, said in value.items())
    return str(value) == usual
