"""The pages of tokens of the API: made and shown once, changed, turned off, and written down."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from services.submission.programs import proving
from services.submission.programs.desk import token_form
from shared.clock import utcnow
from shared.models import ApiToken, AuditEntry, Role, Scope
from tests.factories import a_council
from tests.moderation.conftest import PASSWORD, Desk

SHOWN = re.compile(r"radslag_[\w-]{43}")
TYPED = {
    "title": "Ärendesystemet <b>",
    "scopes": ["submit", "export"],
    "council": "motesplatser",
    "per_minute": "60",
    "last_day": "2099-12-31",
}


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    a_council(session, slug="motesplatser", title="Mötesplatser")
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


def said(page) -> str:
    return " ".join(page.select_one("main").text.split())


def the_token(session) -> ApiToken:
    session.rollback()
    session.expire_all()
    return session.scalars(select(ApiToken)).one()


def is_good(secret: str) -> bool:
    try:
        proving.prove_token(secret, Scope.SUBMIT, utcnow())
    except proving.RefusedTokenError:
        return False
    return True


def test_a_token_from_its_making_to_its_end(admin, session):
    assert "Inget system har en nyckel än" in said(admin.get("/api-tokens"))
    made = admin.post("/api-tokens/new", **TYPED)
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    secret = SHOWN.search(made.text)[0]
    token = the_token(session)
    assert token.scopes == ["submit", "export"]
    assert token.per_minute == 60
    # Until the end of its last day, where the city is.
    assert token.expires_at.isoformat() == "2099-12-31T23:00:00+00:00"
    url = f"/api-tokens/{token.id}"
    page = admin.get(url)
    assert not SHOWN.search(page.decode())
    for words in ("Ärendesystemet <b>", "Inte använd än", "Mötesplatser", "2099-12-31", "60"):
        assert words in said(page)
    assert "Skicka in idéer" in said(admin.get("/api-tokens"))
    assert is_good(secret)
    assert "Senast använd" in said(admin.get(url))

    seen = page.select_one("[name=seen]")["value"]
    changed = admin.post(f"{url}/change", seen=seen)
    new = SHOWN.search(changed.text)[0]
    again = admin.post(f"{url}/change", seen=seen)
    assert (again.status_code, SHOWN.search(again.text)) == (409, None)
    assert is_good(secret)
    assert is_good(new)
    assert "Gäller bredvid den nya till" in said(admin.get(url))
    seen = admin.get(url).select_one("[name=seen]")["value"]
    last = SHOWN.search(admin.post(f"{url}/change", seen=seen, old="ends").text)[0]
    assert [is_good(each) for each in (secret, new, last)] == [False, False, True]

    assert admin.post(f"{url}/turn-off").status_code == 303
    assert not is_good(last)
    assert "Senast avvisad" in said(admin.get(url))
    assert "Avstängd" in said(admin.get("/api-tokens"))
    admin.post(f"{url}/turn-on")
    assert is_good(last)

    log = session.execute(select(AuditEntry.action, AuditEntry.after).order_by(AuditEntry.id)).all()
    assert [action for action, _after in log] == [
        "api_token.added",
        "api_token.changed",
        "api_token.changed_at_once",
        "api_token.turned_off",
        "api_token.turned_on",
    ]
    kept = str(log) + admin.get("/audit").decode()
    assert not SHOWN.search(kept)
    told = said(admin.get("/audit"))
    assert "Skapade API-nyckeln Ärendesystemet <b>." in told
    assert "Den gamla slutade gälla genast." in told
    assert "Skicka in idéer, Hämta alla idéer" in told


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["decide"]}, "scopes"),
        ({"council": "finns-inte"}, "council"),
        ({"per_minute": "0"}, "per_minute"),
        ({"per_minute": "10001"}, "per_minute"),
        ({"per_minute": "1e3"}, "per_minute"),
        ({"per_minute": "٣"}, "per_minute"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"last_day": "9999-12-31"}, "last_day"),
        ({"last_day": "i vår"}, "last_day"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_cannot_be_has_its_sentence(typed, field):
    sent = TYPED | typed
    fields = token_form.read_typed({name: sent[name] for name in token_form.NAMES})
    wanted, faults = token_form.read_wanted(
        fields,
        sent["scopes"],
        {"motesplatser": 1},
        today=date(2026, 11, 30),
        timezone=ZoneInfo("Europe/Stockholm"),
    )
    assert (wanted, list(faults)) == (None, [field])


def test_what_is_wrong_is_told_at_its_field_with_the_rest_kept(admin, session):
    wrong = {"scopes": ["decide"], "per_minute": "0", "last_day": "i vår"}
    answer = admin.post("/api-tokens/new", **(TYPED | wrong))
    assert answer.status_code == 422
    page = admin.page(answer)
    assert page.select_one("[name=title]")["value"] == TYPED["title"]
    assert page.select_one("option[selected]")["value"] == "motesplatser"
    for field in wrong:
        assert page.select_one(f".notice-wrong a[href='#{field}']")
        assert page.select_one(f"#{field}")
        assert page.select_one(f"#{field}-error").text
    assert session.scalar(select(ApiToken.id)) is None
    # One by one, as a person goes on: nothing is ticked, and then a name that is taken.
    admin.post("/api-tokens/new", **TYPED)
    again = admin.post("/api-tokens/new", **(TYPED | {"title": "ÄRENDESYSTEMET <b>"}))
    assert (again.status_code, SHOWN.search(again.text)) == (422, None)
    the_token(session)


def test_a_token_may_be_without_an_end_and_one_that_ends_soon_asks_to_be_seen_to(admin, session):
    page = admin.get("/api-tokens/new")
    assert page.select_one("[name=last_day]")["value"] > utcnow().date().isoformat()
    admin.post("/api-tokens/new", **(TYPED | {"last_day": "", "council": ""}))
    token = the_token(session)
    assert (token.expires_at, token.council_id) == (None, None)
    assert "ingen bestämd" in said(admin.get(f"/api-tokens/{token.id}"))
    for ends_in, words in (
        (timedelta(days=31), "Inte använd än"),
        (timedelta(days=29), "Sista dagen är"),
        (timedelta(), "Gäller inte längre"),
    ):
        token.expires_at = utcnow() + ends_in
        session.commit()
        assert words in said(admin.get("/api-tokens"))
