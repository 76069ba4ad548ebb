"""The page with the form of an endpoint."""

from collections.abc import Mapping

from flask import abort, render_template, request
from sqlalchemy.orm import Session as SqlSession

from services.notify.webhooks import endpoints, form, secrets, words
from services.notify.webhooks.addresses import Allowed
from shared import web
from shared.db import Session
from shared.i18n import LANGUAGES
from shared.i18n import gettext as _
from shared.models import Webhook


def seen_version() -> int:
    """Return the version that the person saw; a form always says so."""
    raw = request.form.get("version", "")
    if not raw.isdecimal() or len(raw) > 9:
        abort(422)
    return int(raw)


def read_choices(session: SqlSession, *, needs_address: bool) -> form.Choices:
    """Return what may be chosen now."""
    councils = {council.slug: council.id for council in endpoints.list_councils(session)}
    return form.Choices(councils, Allowed.of(web.get_settings().webhook_private), needs_address)


def form_page(
    webhook: Webhook | None,
    fields: Mapping[str, str],
    events: list[str],
    *,
    faults: Mapping[str, str] | None = None,
    version: int | None = None,
    moved: bool = False,
) -> str:
    """Show the form, with what was typed and what is wrong with it."""
    with Session() as session:
        titles = [(council.slug, council.title) for council in endpoints.list_councils(session)]
    standing = webhook.version if webhook else 0
    readable = webhook is not None and secrets.open_address(web.get_settings(), webhook) is not None
    return render_template(
        "webhooks/form.html",
        webhook=webhook,
        form=fields,
        chosen=events,
        faults=faults or {},
        version=standing if version is None else version,
        moved=moved,
        readable=readable,
        councils=titles,
        events=words.name_events(),
        shapes=[(shape.value, said) for shape, said in words.name_shapes().items()],
        languages=[(code, _("svenska") if code == "sv" else _("engelska")) for code in LANGUAGES],
    )
