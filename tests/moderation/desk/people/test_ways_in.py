"""The pages before the desk: each form is itself, and names the way in that somebody has."""

from services.moderation.people import invitations
from shared import db
from shared.ids import new_id
from shared.models import Passkey, Staff
from tests.moderation.conftest import PASSWORD, Desk


def first_admin() -> str:
    """Return the way to the page of who comes first, who writes their own address."""
    with db.Session.begin() as session:
        token = invitations.invite_first_admin(session)
    return f"/welcome/{token}"


def test_each_way_to_an_account_has_its_name_and_its_own_errors(app, settings):
    guest = Desk(app, settings)
    way = first_admin()
    guest.csrf = guest.token(way)
    for sent_to, wrong, right in (
        (way, "email", "email-for-passkey"),
        (f"{way}/passkey", "email-for-passkey", "email"),
    ):
        refused = guest.post(sent_to, email="x", name="Kim", password=PASSWORD, credential="{}")
        assert refused.status_code == 422
        page = guest.page(refused)
        assert [field["id"] for field in page.select("[aria-invalid=true]")] == [wrong]
        assert [link["href"] for link in page.select(".notice-wrong a")] == [f"#{wrong}"]
        assert page.select_one(f"#{wrong}")["aria-describedby"].endswith(f"{wrong}-error")
        assert not page.select_one(f"#{right}").get("aria-describedby", "").endswith("-error")
        # Two forms that ask for the same: each is named, and goes where it went.
        forms = page.select("main form")
        named = [page.select_one(f"#{form['aria-labelledby']}").text for form in forms]
        assert named == ["Med lösenord", "Eller utan lösenord"]
        assert [form["action"] for form in forms] == [way, f"{way}/passkey"]
    named_twice = guest.post(f"{way}/passkey", email="kim@example.org", name="x" * 300)
    page = guest.page(named_twice)
    assert [field["id"] for field in page.select("[aria-invalid=true]")] == ["name-for-passkey"]


def test_who_has_lost_a_passkey_is_told_where_to_go(app, settings):
    guest = Desk(app, settings)
    link = guest.get("/login").select_one("a[href='/login/forgotten']")
    assert "passnyckeln" in link.text
    asked = guest.get("/login/forgotten")
    assert "reservkoder" in asked.select_one("main").text
    guest.csrf = guest.token("/login/forgotten")
    sent = guest.page(guest.post("/login/forgotten", email="kim@example.org"))
    assert "reservkoder" in sent.select_one("main").text


def test_a_recovery_code_is_asked_for_as_a_code_and_a_password_as_a_password(desk, session):
    person = session.query(Staff).one()
    session.add(Passkey(staff_id=person.id, credential_id=new_id().bytes, public_key=b"k"))
    session.commit()

    def proofs() -> list[tuple[str, str, str | None]]:
        page = desk.get("/account")
        fields = page.select("[name=current][id$=-for-removal], [name=current][id$=-for-passkey]")
        assert len(fields) == 2
        assert len({page.select_one(f"label[for={each['id']}]").text for each in fields}) == 1
        return [(each["type"], each["autocomplete"], each.get("spellcheck")) for each in fields]

    assert proofs() == [("password", "current-password", None)] * 2
    person.password_hash = None
    session.commit()
    assert proofs() == [("text", "off", "false")] * 2
