"""What is pasted into a field of the desk is kept whole or refused whole, never cut."""

import pytest

from services.moderation.people import accounts
from shared.models import DecisionKind, Idea, Role
from tests.factories import a_council, a_member_of_staff
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.decisions.test_decisions import decide, waiting


@pytest.fixture
def ideas(session) -> dict[str, Idea]:
    council = a_council(session)
    waits, public = (waiting(session, council, text=f"Fler bänkar {n}.") for n in range(2))
    decide(session, public, DecisionKind.PUBLISH, a_member_of_staff(session, name="Carl"))
    session.commit()
    return {"waits": waits, "public": public}


def words(most: int) -> str:
    """A text that is one character too long, and ends with what must not be lost."""
    end = "Svara före fredag."
    return "x" * (most + 1 - len(end)) + end


def test_is_refused_with_every_word_kept(desk, session, ideas):
    carl = accounts.add_staff(session, "carl@example.org", Role.MODERATOR, PASSWORD, name="C")
    session.commit()
    waits, public = ideas["waits"], ideas["public"]
    seen = {"seen_version": waits.version}
    at, public_at = f"/ideas/{waits.number}", f"/ideas/{public.number}"
    posts = [
        (f"{at}/decisions", {"kind": "reject", "rule": "spam", **seen}, "note", 4000),
        (f"{at}/decisions", {"kind": "reject", "rule": "spam", **seen}, "reason_text", 2000),
        (f"{at}/decisions", {"kind": "ask_correction", **seen}, "reason_text", 2000),
        (f"{at}/notes", {}, "note_text", 4000),
        (f"{at}/asks", {"of": str(carl.id)}, "question", 1000),
        (f"{at}/original", {}, "purpose", 300),
        (f"{public_at}/official-answer", {"seen_answer": "0"}, "official_text", 4000),
        (
            f"{public_at}/official-answer",
            {"seen_answer": "0", "official_text": "Ja."},
            "signature",
            80,
        ),
        (
            "/decisions/bulk",
            {
                "kind": "reject",
                "rule": "spam",
                "item": f"{waits.number}:{waits.version}",
                "listed": waits.number,
            },
            "reason_text",
            2000,
        ),
    ]
    for path, body, name, most in posts:
        answer = desk.post(path, **body, **{name: words(most)})
        assert answer.status_code == 422, (path, name)
        page = Desk.page(answer)
        kept = [
            field.get("value", "") if field.name == "input" else field.text.removeprefix("\n")
            for field in page.select(f"[name={name}]")
        ]
        assert words(most) in kept, (path, name)
        [limit] = {
            field["data-most"] for field in page.select(f"[name={name}]") if field.get("data-most")
        }
        assert limit == str(most), (path, name)
        assert str(most) in page.select_one("[role=alert]").text.replace("\xa0", ""), (path, name)


def test_counts_a_new_line_once(desk, ideas):
    """A browser sends two characters for it."""
    waits = ideas["waits"]
    text = "\r\n".join("x" * 39 for _ in range(100))
    body = {"kind": "reject", "rule": "spam", "seen_version": waits.version}
    assert desk.post(f"/ideas/{waits.number}/decisions", **body, note=text).status_code == 303


def test_a_name_is_refused_where_it_was_cut(desk):
    answer = desk.post("/account", name=words(80), language="sv")
    assert answer.status_code == 422
    page = Desk.page(answer)
    assert page.select_one("#name")["value"] == words(80)
    assert "80" in page.select_one("#name-error").text
