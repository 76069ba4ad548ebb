"""Each recipe of docs/forms.md, with what that tool really sends."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select

from services.submission.hooks import sources
from services.submission.hooks.mapping import FieldMap, Part
from shared import db
from shared.models import Contact, Idea, IdeaText
from tests.conftest import PROJECT

TEXT = 'Fler bänkar vid "vattnet" – tack!\n\nOch en brygga.'


@dataclass
class Recipe:
    """What a tool sends, and what is chosen for it at the desk (nothing: it is obvious)."""

    heading: str
    body: bytes
    kind: str = "application/json"
    by: FieldMap | None = None
    key: str = ""
    text: str = TEXT
    author: str | None = None
    email: str | None = None
    received_at: str = ""


def php(value: Any) -> bytes:
    """JSON as PHP writes it: escaped letters and slashes."""
    return json.dumps(value).replace("/", "\\/").encode()


CRLF = TEXT.replace("\n", "\r\n")
RECIPES = [
    Recipe(
        "modularity-frontend-form",
        php({"text": CRLF, "author": "Kim", "email": "kim@example.org", "id": ""}),
        author="Kim",
        email="kim@example.org",
    ),
    Recipe(
        "modularity-frontend-form",
        php({"svar": {"meddelande": CRLF, "samtycke": True, "steg_2": {"namn": "Kim"}}}),
        by=FieldMap((Part("svar.meddelande"),), author="svar.steg_2.namn"),
        author="Kim",
    ),
    Recipe(
        "modularity-form-builder",
        php(
            {
                "modularity-form": "0a1b2c3d4e",
                "_wp_http_referer": "/kontakt/",
                "modularity-form-id": "7",
                "modularity-gdpr-data": "1",
                "modularity-v-field": "x",
                "id-1-fornamn": "Kim",
                "id-2-meddelande": CRLF,
                "id-3-epost": "kim@example.org",
                "id-4-amne": ["Parker", "Lek"],
            }
        ),
        by=FieldMap(
            (Part("id-2-meddelande"), Part("id-4-amne", "Ämne")),
            author="id-1-fornamn",
            email="id-3-epost",
        ),
        key="post-123",
        text=f"{TEXT}\n\nÄmne: Parker, Lek",
        author="Kim",
        email="kim@example.org",
    ),
    Recipe(
        "Gravity Forms",
        php(
            {
                "id": "412",
                "form_id": "3",
                "post_id": None,
                "date_created": "2026-11-02 09:30:00",
                "is_starred": "0",
                "ip": "192.0.2.7",
                "source_url": "https://example.org/tyck-till/",
                "user_agent": "Mozilla/5.0",
                "status": "active",
                "1.3": "Kim",
                "1.6": "",
                "3": CRLF,
                "5": "kim@example.org",
            }
        ),
        by=FieldMap((Part("3"),), author="1.3", email="5", delivery="id"),
        author="Kim",
        email="kim@example.org",
    ),
    Recipe(
        "Contact Form 7",
        php({"your-name": "Kim", "your-email": "kim@example.org", "your-message": CRLF}),
        by=FieldMap((Part("your-message"),), author="your-name", email="your-email"),
        author="Kim",
        email="kim@example.org",
    ),
    Recipe(
        "Microsoft Forms, through Power Automate",
        f"text={quote(CRLF, safe=chr(39))}&email=anonymous".encode(),
        kind="application/x-www-form-urlencoded",
        key="17",
    ),
    # With a body of JSON, as others write it.
    Recipe(
        "Microsoft Forms, through Power Automate",
        json.dumps({"text": TEXT, "email": "anonymous"}, ensure_ascii=False).encode(),
        kind="application/json; charset=utf-8",
        key="17",
    ),
    Recipe(
        "Google Forms",
        json.dumps(
            {"Vad önskar du dig?": TEXT, "Vad heter du?": "Kim", "Var?": ["Norr", "Söder"]},
            ensure_ascii=False,
        ).encode(),
        by=FieldMap((Part("Vad önskar du dig?"), Part("Var?", "Var")), author="Vad heter du?"),
        key="2_ABaOnue",
        text=f"{TEXT}\n\nVar: Norr, Söder",
        author="Kim",
    ),
    Recipe(
        "Typeform",
        json.dumps(
            {
                "event_id": "LtWXD3crgy",
                "event_type": "form_response",
                "form_response": {
                    "form_id": "lT4Z3j",
                    "token": "a3a12ec67a1365927098a606107fac15",
                    "submitted_at": "2026-11-02T08:30:00Z",
                    "definition": {
                        "id": "lT4Z3j",
                        "fields": [
                            {"id": "Dl", "title": "Vad önskar du?", "ref": "wish"},
                            {"id": "SM", "title": "Mejl?", "ref": "mail"},
                        ],
                    },
                    "answers": [
                        {
                            "type": "text",
                            "text": TEXT,
                            "field": {"id": "Dl", "type": "long_text", "ref": "wish"},
                        },
                        {
                            "type": "email",
                            "email": "kim@example.org",
                            "field": {"id": "SM", "type": "email", "ref": "mail"},
                        },
                    ],
                },
            }
        ).encode(),
        by=FieldMap(
            (Part("form_response.answers.wish.text"),),
            email="form_response.answers.mail.email",
            date="form_response.submitted_at",
            delivery="event_id",
        ),
        email="kim@example.org",
        received_at="2026-11-02T08:30:00+00:00",
    ),
    Recipe(
        "A plain form",
        b"text=Fler+b%C3%A4nkar&skicka=Skicka",
        kind="application/x-www-form-urlencoded",
        text="Fler bänkar",
    ),
    Recipe(
        "curl",
        b"text=Fler%20b%C3%A4nkar%20vid%20vattnet",
        kind="application/x-www-form-urlencoded",
        key="2026-11-30-1",
        text="Fler bänkar vid vattnet",
    ),
    Recipe(
        "curl",
        "text=Fler bänkar vid vattnet".encode(),
        kind="application/x-www-form-urlencoded",
        text="Fler bänkar vid vattnet",
    ),
]


def sign_as_typeform(secret: str, body: bytes) -> str:
    made = hmac.digest(secret.encode(), body, hashlib.sha256)
    return "sha256=" + base64.b64encode(made).decode()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
def test_what_a_tool_sends_becomes_one_idea(tool, session, recipe):
    if recipe.by is not None:
        with db.Session.begin() as writing:
            source = sources.lock_source(writing, tool.source.id)
            sources.save_mapping(writing, source, recipe.by, seen_version=0, by=None)
    headers = {}
    if recipe.heading == "Typeform":
        headers = {
            "Authorization": "",
            "Typeform-Signature": sign_as_typeform(tool.secret, recipe.body),
        }
    for _ in range(2):
        answer = tool.post(
            data=recipe.body, content_type=recipe.kind, key=recipe.key, headers=headers
        )
        assert answer.status_code == 202
    tool.work()
    has_id = recipe.key or (recipe.by is not None and recipe.by.delivery)
    ideas = session.scalars(select(Idea).order_by(Idea.id)).all()
    assert len(ideas) == (1 if has_id else 2)
    for text in session.scalars(select(IdeaText)):
        assert (text.text, text.author) == (recipe.text, recipe.author)
    assert set(session.scalars(select(Contact.email))) == ({recipe.email} - {None})
    if recipe.received_at:
        assert ideas[0].received_at.isoformat() == recipe.received_at


def test_each_recipe_is_described_and_each_that_is_described_is_tried():
    told = (PROJECT / "docs/forms.md").read_text("utf-8").partition("## Recipes")[2]
    headings = [line.removeprefix("### ") for line in told.splitlines() if line[:4] == "### "]
    assert headings == list(dict.fromkeys(recipe.heading for recipe in RECIPES))


def test_the_plugin_is_known_by_what_it_sends():
    """What WordPress keeps beside an answer is stored after it, when the recipe has run already."""
    told = (PROJECT / "docs/forms.md").read_text("utf-8")
    [asked] = re.findall(r"\(\$value\['([a-z-]+)'\] \?\? ''\) !== 'FORM'", told)
    [body] = [each.body for each in RECIPES if each.heading == "modularity-form-builder"]
    assert json.loads(body)[asked] == "7"
    assert "get_post_meta" not in told
