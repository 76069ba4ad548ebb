"""Which hosts may frame the form of a council: typed, kept, and the code to copy."""

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from services.moderation.settings.council_form import MAX_HOSTS, as_typed, facts_of
from shared.models import AuditEntry, Council, Role
from tests.factories import a_council
from tests.moderation.conftest import PASSWORD, Desk


@pytest.fixture
def admin(app, settings, session, desk) -> Desk:
    accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")
    a_council(session, slug="parken", title='Parken "Söder"')
    session.commit()
    opened = Desk(app, settings)
    opened.sign_in("ada@example.org")
    return opened


@pytest.fixture
def save(admin, session, settings):
    """Save hosts as they are typed; return the answer and what stands."""

    def saved(typed: str):
        council = session.scalars(select(Council)).one()
        fields = as_typed(facts_of(council), settings.timezone) | {"embed_hosts": typed}
        answer = admin.post("/councils/parken/edit", version=council.version, **fields)
        session.rollback()
        session.expire_all()
        return answer, session.scalars(select(Council.embed_hosts)).one()

    return saved


def test_hosts_are_kept_as_a_header_has_them(save, session):
    for typed, stands in (
        ("www.Helsingborg.se", "www.helsingborg.se"),
        ("https://www.helsingborg.se/kontakt", "www.helsingborg.se"),
        ("a.example.org, b.example.org;\n a.example.org", "a.example.org\nb.example.org"),
        ("*.helsingborg.se\nlocalhost:8080", "*.helsingborg.se\nlocalhost:8080"),
        ("höganäs.se", "xn--hgans-jra6j.se"),
        ("", ""),
    ):
        answer, found = save(typed)
        assert (answer.status_code, found) == (303, stands)
    changes = [each.after for each in session.scalars(select(AuditEntry))]
    assert {"embed_hosts": "www.helsingborg.se"} in changes


@pytest.mark.parametrize(
    "typed",
    [
        "*",
        "*.se",
        "https:",
        "'self'",
        "a b.c",
        "a..b",
        "-a.se",
        "a.se:0",
        "a.se:123456",
        "a.se'none'",
        "w*.example.org",
        "a.b*",
        "ﬀ\u2024.se",
        f"{'a' * 64}.se",
        "\n".join(f"a{number}.se" for number in range(MAX_HOSTS + 1)),
    ],
)
def test_what_is_no_host_is_refused_and_kept_in_the_form(admin, save, typed):
    answer, found = save(typed)
    assert (answer.status_code, found) == (422, "")
    page = admin.page(answer)
    assert page.select_one("#embed_hosts-error").text
    assert page.select_one("#embed_hosts").text.strip() == typed.strip()


def test_when_an_idea_is_shown_before_it_is_sent_is_chosen_and_recorded(admin, session, settings):
    def save(chosen: str | None):
        session.rollback()
        session.expire_all()
        council = session.scalars(select(Council)).one()
        fields = as_typed(facts_of(council), settings.timezone) | {"preview_when": chosen}
        if chosen is None:
            del fields["preview_when"]
        answer = admin.post("/councils/parken/edit", version=council.version, **fields)
        session.rollback()
        session.expire_all()
        return answer, session.scalars(select(Council.preview_when)).one().value

    answer, stands = save("always")
    assert (answer.status_code, stands) == (303, "always")
    [change] = session.scalars(select(AuditEntry).where(AuditEntry.action == "council.changed"))
    assert (change.before, change.after) == ({"preview_when": "asked"}, {"preview_when": "always"})
    log = admin.get("/audit").select_one("main").text
    assert "Idén visas innan den skickas" in log
    assert "bara när den som skriver ber om det" in log
    answer, stands = save("sometimes")
    assert (answer.status_code, stands) == (422, "always")
    assert admin.page(answer).select_one("#preview_when-error").text
    assert save(None)[1] == "asked"


def test_the_code_is_whole_and_escaped(admin, save):
    page = admin.get("/councils/parken/embed")
    assert "Ingen sida får visa formuläret i en ram än" in page.text
    save("www.example.org")
    page = admin.get("/councils/parken/embed")
    assert "www.example.org" in page.select_one("main ul").text
    link, frame = (each.text for each in page.select(".code-to-copy"))
    assert link == (
        '<a href="http://localhost:8000/councils/parken" data-radslag="parken">'
        "Lämna en idé till Parken &quot;Söder&quot;</a>\n"
        '<script src="http://localhost:8000/embed.js" defer></script>'
    )
    assert frame.startswith('<iframe src="http://localhost:8000/embed/parken" title="Lämna en idé')
    assert '"Söder"' not in frame
    assert admin.get("/councils/finns-inte/embed", 404)
