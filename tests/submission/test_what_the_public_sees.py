"""An idea that is not public is on no page, in no feed, search or count, whatever its way."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy import select

from services.moderation.decisions import undoing
from services.submission import create_app, feeds, receipt, views
from shared import db
from shared.clock import utcnow
from shared.links import receipts, unsubscribe_links
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, IdeaText, TextKind
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.submission.rules.given import KEY, decide

SHOWN = {"publicerad", "behållen", "maskerad", "ångrat avslag", "rättas", "mål"}
# What is public of an idea once was, or never, or no longer.
HIDDEN = {
    "mottagen": 404,
    "väntar": 404,
    "avslagen": 404,
    "avpublicerad": 404,
    "återöppnad": 404,
    "ångrad publicering": 404,
    "hopslagen": 303,
    "hopslagen med gömd": 404,
    "tas tillbaka": 410,
    "tillbakadragen": 410,
    "tillbakadragen oläst": 404,
}
SLUG = "motesplatser"


def word(name: str) -> str:
    """Return the word by which an idea is known: one that no other text and no template has."""
    return "zq" + name.translate(str.maketrans("åäö", "axo", " "))


@pytest.fixture(scope="module")
def app(module_settings, module_database) -> Flask:
    made = create_app(replace(module_settings, submit_limit="off"))
    yield made
    made.extensions["submit_limits"].close()


@pytest.fixture(scope="module")
def ideas(module_database) -> dict[str, str]:
    """Ideas in every state, by name, with their numbers."""
    with db.Session.begin() as session:
        council = a_council(session, slug=SLUG)
        a_rule(session, "spam")
        made = {
            name: an_idea(
                session,
                council,
                text=f"Fler bänkar {word(name)} tack",
                author=f"{word(name)} Ek",
                status=IdeaStatus.RECEIVED if name == "mottagen" else IdeaStatus.WAITING,
                received_at=utcnow() - timedelta(days=1),
            )
            for name in (*sorted(SHOWN), *HIDDEN, "gömd")
        }
        act = _Acts(session)
        for name in SHOWN | {
            "avpublicerad", "återöppnad", "ångrad publicering", "tas tillbaka", "tillbakadragen",
        }:  # fmt: skip
            act.publish(made[name])
        act.reject(made["avslagen"])
        act.reject(made["avpublicerad"])
        act.reject(made["ångrat avslag"])
        act.undo(made["ångrat avslag"])
        act.undo(made["ångrad publicering"])
        decide(session, made["återöppnad"], DecisionKind.REOPEN)
        decide(session, made["behållen"], DecisionKind.KEEP)
        decide(session, made["maskerad"], DecisionKind.MASK, mask_spans=[(0, 11)])
        decide(session, made["hopslagen"], DecisionKind.MERGE, into=made["mål"].number,
               counts_as_support=True)  # fmt: skip
        act.publish(made["gömd"])
        decide(session, made["hopslagen med gömd"], DecisionKind.MERGE, into=made["gömd"].number)
        act.reject(made["gömd"])
        key = receipts.issue_receipt(session, KEY, made["tas tillbaka"].id,
                             made["tas tillbaka"].receipt_nonce)  # fmt: skip
        receipt.withdraw_idea(session, key)
        for name in ("tillbakadragen", "tillbakadragen oläst"):
            made[name].status = IdeaStatus.WITHDRAWN
            made[name].version += 1
        session.add(
            IdeaText(idea_id=made["rättas"].id, version=2, kind=TextKind.CORRECTION,
                     text="Ingen ser zqrättelsen än", author=None, folded="x")
        )  # fmt: skip
        other = a_council(session, slug="annat-rad")
        elsewhere = an_idea(session, other, text="Fler bänkar zqelsewhere tack",
                            status=IdeaStatus.WAITING)  # fmt: skip
        act.publish(elsewhere)
        return {name: each.number for name, each in made.items()}


class _Acts:
    """What people do, in as few words as the story has."""

    def __init__(self, session) -> None:
        self.session = session

    def publish(self, idea: Idea) -> None:
        decide(self.session, idea, DecisionKind.PUBLISH)

    def reject(self, idea: Idea) -> None:
        decide(self.session, idea, DecisionKind.REJECT, rule_code="spam")

    def undo(self, idea: Idea) -> None:
        last = self.session.scalars(
            select(Decision.id).where(Decision.idea_id == idea.id).order_by(Decision.seq.desc())
        ).first()
        undoing.undo_decision(
            self.session, decision_id=last, staff_id=a_member_of_staff(self.session).id
        )


def names_in(page: str) -> set[str]:
    """Return which ideas a page has something of, text or name."""
    return {name for name in (*SHOWN, *HIDDEN, "gömd") if word(name) in page}


PAGES = ("", "?q=tack", "/ideas.json", "/ideas.csv", "/feed.atom")


@pytest.mark.parametrize("path", PAGES)
def test_every_list_has_the_public_ones_and_no_others(app, ideas, path):
    page = app.test_client().get(f"/councils/{SLUG}{path}").text
    assert names_in(page) == SHOWN
    assert "zqrättelsen" not in page
    assert "zqelsewhere" not in page


def test_what_was_masked_is_in_no_list_and_on_no_page(app, ideas):
    client = app.test_client()
    pages = [client.get(f"/councils/{SLUG}{path}").text for path in PAGES]
    pages.append(client.get(f"/councils/{SLUG}/ideas/{ideas['maskerad']}").text)
    for page in pages:
        assert f"Fler bänkar {word('maskerad')}" not in page
    found = client.get(f"/councils/{SLUG}?q=bänkar {word('maskerad')}").text
    assert not BeautifulSoup(found, "html.parser").select(".entries")


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_each_public_one_has_its_page_and_can_be_reported(app, ideas, name):
    client = app.test_client()
    path = f"/councils/{SLUG}/ideas/{ideas[name]}"
    assert client.get(path).status_code == 200
    assert names_in(client.get(path).text) == {name}
    assert client.get(f"/councils/annat-rad/ideas/{ideas[name]}").status_code == 404
    assert client.post(f"{path}/report").status_code == 303


@pytest.mark.parametrize(("name", "status"), HIDDEN.items())
def test_each_other_has_none_and_cannot_be_reported(app, ideas, name, status):
    client = app.test_client()
    path = f"/councils/{SLUG}/ideas/{ideas[name]}"
    for answer in (client.get(path), client.post(f"{path}/report")):
        assert answer.status_code == status
        assert names_in(answer.text) == set()
    if status == 303:
        assert client.get(path).location == f"/councils/{SLUG}/ideas/{ideas['mål']}"


def test_rows_of_the_lists_are_the_same_and_newest_first(app, ideas):
    client = app.test_client()
    table = [row["number"] for row in csv.DictReader(
        io.StringIO(client.get(f"/councils/{SLUG}/ideas.csv").text, newline=""))]  # fmt: skip
    data = client.get(f"/councils/{SLUG}/ideas.json").json["ideas"]
    assert table == [each["number"] for each in data]
    assert set(table) == {ideas[name] for name in SHOWN}
    moments = [each["published_at"] for each in data]
    assert moments == sorted(moments, reverse=True)
    assert {each["number"]: each["supporters"] for each in data if each["supporters"]} == {
        ideas["mål"]: 1
    }


@pytest.mark.parametrize("path", ["ideas.json", "ideas.csv", "feed.atom"])
def test_scripts_of_other_sites_may_read_open_data_and_nothing_else(app, ideas, path):
    client = app.test_client()
    answer = client.get(f"/councils/{SLUG}/{path}")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for other in ("/", f"/councils/{SLUG}", "/receipts/x"):
        assert "Access-Control-Allow-Origin" not in client.get(other).headers


def test_a_page_holds_twenty_and_a_feed_fifty():
    assert (views.IDEAS_ON_A_PAGE, feeds.IDEAS_AT_A_TIME, feeds._FEED_LENGTH) == (20, 100, 50)


def test_a_feed_ends_where_it_is_full(app, ideas, monkeypatch):
    monkeypatch.setattr(feeds, "_FEED_LENGTH", 2)
    assert app.test_client().get(f"/councils/{SLUG}/feed.atom").text.count("<entry>") == 2


@pytest.fixture(scope="module")
def paths(ideas) -> list[str]:
    with db.Session.begin() as session:
        staff = a_member_of_staff(session)
        link = unsubscribe_links.issue_unsubscribe_token(session, KEY, staff.id)
        idea = an_idea(session, a_council(session))
        key = receipts.issue_receipt(session, KEY, idea.id, idea.receipt_nonce)
    return [
        f"/councils/{SLUG}/ideas",
        f"/councils/{SLUG}/ideas/{ideas['publicerad']}/report",
        f"/receipts/{key}/correct",
        f"/receipts/{key}/re-review",
        f"/receipts/{key}/withdraw",
        f"/unsubscribe/{link}",
    ]


class TestLimits:
    """Every post of the public web is counted from its place, and refused when too many came."""

    @pytest.fixture
    def client(self, module_settings, broker_url):
        app = create_app(replace(module_settings, submit_limit="1/hour", broker_url=broker_url))
        yield app.test_client()
        app.extensions["submit_limits"].close()

    def test_the_eleventh_post_of_an_hour_is_refused_everywhere(self, client, paths):
        words = {"text": "Nya ord till er"}
        before = [client.post(path, data=words).status_code for path in [*paths, *paths[2:]]]
        assert len(before) == 10
        assert 429 not in before
        for path in paths:
            assert client.post(path, data=words).status_code == 429, path
        api = client.post("/api/v1/ideas", json={"council": SLUG} | words)
        assert api.status_code == 429
        # From elsewhere, and to look, it is open.
        elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
        sent = client.post(paths[0], data=words, environ_base=elsewhere)
        assert sent.status_code == 303
        assert client.get(f"/councils/{SLUG}").status_code == 200

    @pytest.mark.parametrize(
        "act",
        ["/councils/motesplatser/ideas", "/api/v1/ideas", "report", "withdraw", "unsubscribe"],
    )
    def test_each_way_is_counted(self, client, paths, act):
        ways = {path.split("/")[-1]: path for path in paths[:-1]} | {"unsubscribe": paths[-1]}
        path = ways.get(act, act)
        sent = {"json": {"council": SLUG, "text": "Ord"}} if "api" in path else {"data": {}}
        statuses = [client.post(path, **sent).status_code for _ in range(11)]
        assert [each == 429 for each in statuses] == [False] * 10 + [True]


def test_an_answer_to_a_secret_address_is_kept_by_nobody(app, ideas):
    client = app.test_client()
    with db.Session.begin() as session:
        idea = an_idea(session, a_council(session))
        key = receipts.issue_receipt(session, KEY, idea.id, idea.receipt_nonce)
        link = unsubscribe_links.issue_unsubscribe_token(
            session, KEY, a_member_of_staff(session).id
        )
    for path in (f"/receipts/{key}", f"/unsubscribe/{link}", f"/unsubscribe/{link}/done"):
        for answer in (client.get(path), client.get(path, headers={"Accept": "application/json"})):
            assert answer.headers["Cache-Control"] == "no-store", path
            assert answer.headers["Referrer-Policy"] == "no-referrer", path
            assert answer.headers["X-Robots-Tag"] == "noindex", path
    for path in (f"/receipts/{key}/withdraw", f"/receipts/{key}/correct", f"/unsubscribe/{link}"):
        answer = client.post(path, data={"text": "Nya ord"})
        assert answer.headers["Cache-Control"] == "no-store", path
        assert answer.headers["Referrer-Policy"] == "no-referrer", path
    sent = client.post(f"/councils/{SLUG}/ideas", data={"text": "Nya ord"})
    assert sent.headers["Cache-Control"] == "no-store"
    assert sent.headers["Referrer-Policy"] == "no-referrer"
