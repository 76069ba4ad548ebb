"""Kept pages: fast while nothing changes, and gone from every process with the change itself."""

import csv
import gzip
import io
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from time_machine import travel

from services.moderation.decisions import deciding, official_answers, taking_back, undoing
from services.submission import create_app, keeping, published, receipt
from shared import db
from shared.clock import utcnow
from shared.ids import new_id
from shared.links import receipts
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    Rule,
    Source,
    YearlyNumbers,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.submission.rules.given import KEY, decide

ATOM = "{http://www.w3.org/2005/Atom}"
TOMB = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"
OLD, NEW = "zqgammalt", "zqnytt"


@pytest.fixture(scope="module")
def apps(module_settings, module_database):
    """Two processes' worth of the public web, each with pages of its own on the shelf."""
    made = [create_app(replace(module_settings, submit_limit="off")) for _ in range(2)]
    yield made
    for app in made:
        app.extensions["submit_limits"].close()


@pytest.fixture
def client(apps):
    return apps[0].test_client()


@dataclass
class Place:
    """A council of a test's own, with an idea that stands in it and one that waits."""

    council: Council
    idea: Idea
    waiting: Idea

    def paths(self) -> dict[str, str]:
        home = f"/councils/{self.council.slug}"
        return {
            "page": home,
            "idea": f"{home}/ideas/{self.idea.number}",
            "json": f"{home}/ideas.json",
            "csv": f"{home}/ideas.csv",
            "atom": f"{home}/feed.atom",
        }


@pytest.fixture
def place(module_database) -> Place:
    return a_place()


@pytest.fixture(scope="module")
def still(module_database) -> Place:
    """One that nobody changes."""
    with db.Session.begin() as session:
        council = a_council(session)
        for n in range(5):
            idea = an_idea(session, council, text=f"Idé {n}")
            deciding.publish_by_policy(session, idea)
        return Place(council, idea, an_idea(session, council))


def a_place() -> Place:
    with db.Session.begin() as session:
        council = a_council(session)
        idea = an_idea(
            session, council, text=f"En bänk {OLD} här.", author="Kim", status=IdeaStatus.WAITING
        )
        waiting = an_idea(session, council, text=f"Väntar {NEW}", status=IdeaStatus.WAITING)
        decide(session, idea, DecisionKind.PUBLISH)
        a_rule(session, "spam")
    return Place(council, idea, waiting)


def last_decision(session, idea: Idea) -> Decision:
    return session.scalars(
        select(Decision).where(Decision.idea_id == idea.id).order_by(Decision.seq.desc())
    ).first()


class Acts:
    """Each kind of change, as whoever makes it makes it, in the caller's transaction."""

    def __init__(self, session, place: Place) -> None:
        self.session, self.place = session, place
        self.idea = session.get_one(Idea, place.idea.id)
        self.waiting = session.get_one(Idea, place.waiting.id)

    def _undo(self, idea: Idea) -> None:
        undoing.undo_decision(
            self.session,
            decision_id=last_decision(self.session, idea).id,
            staff_id=a_member_of_staff(self.session).id,
        )

    def publish(self):
        decide(self.session, self.waiting, DecisionKind.PUBLISH)

    def undo_a_publication(self):
        self._undo(self.idea)

    def mask(self):
        start = self.idea.public_text.index(OLD)
        decide(self.session, self.idea, DecisionKind.MASK, mask_spans=((start, start + len(OLD)),))

    def mask_the_name(self):
        decide(self.session, self.idea, DecisionKind.MASK, mask_author=True)

    def take_down(self):
        decide(self.session, self.idea, DecisionKind.REJECT, rule_code="spam")

    def reopen(self):
        decide(self.session, self.idea, DecisionKind.REOPEN)

    def merge_away(self):
        decide(self.session, self.waiting, DecisionKind.PUBLISH)
        decide(self.session, self.idea, DecisionKind.MERGE, into=self.waiting.number)

    def merge_into(self):
        decide(
            self.session,
            self.waiting,
            DecisionKind.MERGE,
            into=self.idea.number,
            counts_as_support=True,
        )

    def withdraw(self):
        token = receipts.issue_receipt(self.session, KEY, self.idea.id, self.idea.receipt_nonce)
        receipt.withdraw_idea(self.session, token)

    def accept_a_correction(self):
        token = receipts.issue_receipt(self.session, KEY, self.idea.id, self.idea.receipt_nonce)
        receipt.correct_idea(self.session, token, {"text": f"En bänk {NEW} här.", "author": "Kim"})
        self.session.flush()
        self.idea.text_version = 2
        decide(self.session, self.idea, DecisionKind.ACCEPT_CORRECTION)

    def answer(self):
        official_answers.write_official_answer(
            self.session,
            number=self.idea.number,
            staff_id=a_member_of_staff(self.session).id,
            seen=0,
            text=f"Vi bygger {NEW}.",
        )

    def edit_the_council(self):
        council = self.session.get_one(Council, self.place.council.id)
        council.title, council.theme = f"Rådet {NEW}", f"Tema {NEW}"

    def erase(self):
        self.idea.public_text = self.idea.public_author = None
        self.idea.destroyed_at = utcnow()

    def bring_in_old_ones(self):
        old = an_idea(
            self.session,
            self.place.council,
            text=f"Från förr {NEW}",
            received_at=utcnow() - timedelta(days=400),
        )
        deciding.accept_import(self.session, old)

    def take_back_an_import(self):
        # As it is of an idea that an import brought.
        self.idea.source, self.idea.source_id = Source.IMPORT, "1"
        person = a_member_of_staff(self.session).id
        assert taking_back.take_back_imported(self.session, [self.idea.id], person) == 1

    def agree(self):
        receipt.agree_with_idea(self.session, self.idea.id, b"somebody else")


WORDS_LEAVE = {"page": (OLD, None), "json": (OLD, None), "csv": (OLD, None), "atom": (OLD, None)}
GONE = WORDS_LEAVE | {"idea": (OLD, None)}
NEW_WORDS = dict.fromkeys(("page", "json", "csv", "atom"), (None, NEW))
# What leaves which page, and what comes to it.
CHANGES: dict[str, dict[str, tuple[str | None, str | None]]] = {
    "publish": NEW_WORDS,
    "undo_a_publication": GONE,
    "mask": GONE,
    "mask_the_name": dict.fromkeys((*WORDS_LEAVE, "idea"), ("Kim", None)),
    "take_down": GONE,
    "reopen": GONE,
    "merge_away": GONE,
    "merge_into": {
        "page": (None, "En till har skickat in"),
        "idea": (None, "En till har skickat in"),
        "json": ('"supporters":0', '"supporters":1'),
    },
    "withdraw": GONE,
    "accept_a_correction": dict.fromkeys((*WORDS_LEAVE, "idea"), (OLD, NEW)),
    "answer": NEW_WORDS | {"idea": (None, NEW)},
    "edit_the_council": dict.fromkeys(("page", "idea", "atom"), (None, NEW)),
    "erase": GONE,
    "bring_in_old_ones": NEW_WORDS,
    "take_back_an_import": GONE,
    "agree": {
        "page": (None, "En till har skickat in"),
        "idea": (None, "eller håller med"),
        "json": ('"supporters":0', '"supporters":1'),
    },
}

LEAVING = {
    *("undo_a_publication", "take_down", "reopen", "merge_away", "withdraw", "erase"),
    "take_back_an_import",
}
OF_OTHERS = {"publish", "edit_the_council", "bring_in_old_ones"}


def read_feed(client, place) -> tuple[datetime, dict[str, datetime], dict[str, datetime]]:
    """Return when the feed, its entries and what is gone from it are said to have changed."""
    feed = ET.fromstring(client.get(place.paths()["atom"]).data)
    entries = {
        entry.findtext(f"{ATOM}id"): datetime.fromisoformat(entry.findtext(f"{ATOM}updated"))
        for entry in feed.findall(f"{ATOM}entry")
    }
    gone = {
        each.get("ref"): datetime.fromisoformat(each.get("when")) for each in feed.findall(TOMB)
    }
    return datetime.fromisoformat(feed.findtext(f"{ATOM}updated")), entries, gone


@pytest.mark.parametrize("change", CHANGES)
def test_nobody_is_shown_the_old_page_after_the_answer_to_who_changed_it(apps, place, change):
    clients = [app.test_client() for app in apps]
    paths = place.paths()
    had = {name: [each.get(path) for each in clients] for name, path in paths.items()}
    for name, answers in had.items():
        # Every process says the same of the same page, or a reader would get it twice.
        assert len({answer.headers["ETag"].split(".")[0] for answer in answers}) == 1, name
        for each, answer in zip(clients, answers, strict=True):
            same = each.get(paths[name], headers={"If-None-Match": answer.headers["ETag"]})
            assert (same.status_code, same.data) == (304, b""), name
    before, stood, _none = read_feed(clients[0], place)
    with db.Session.begin() as session:
        getattr(Acts(session, place), change)()
    for name, (leaves, comes) in CHANGES[change].items():
        for each, answer in zip(clients, had[name], strict=True):
            now = each.get(paths[name], headers={"If-None-Match": answer.headers["ETag"]})
            assert now.status_code != 304, name
            assert leaves is None or leaves in answer.text, name
            assert leaves is None or leaves not in now.text, name
            assert comes is None or comes not in answer.text, name
            assert comes is None or comes in now.text, name
    # Readers of the feed hear of it, too (RFC 4287, RFC 6721).
    after, stands, gone = read_feed(clients[0], place)
    urn = place.idea.id.urn
    assert before < after
    assert all(moment <= after for moment in (*stands.values(), *gone.values()))
    if change in LEAVING:
        assert urn not in stands
        assert stood[urn] < gone[urn]
    else:
        assert (stands[urn] > stood[urn]) == (change not in OF_OTHERS)
        assert urn not in gone


def test_the_changes_are_all_there_are():
    """A kind of decision that is new has a line above, unless it shows the public nothing new."""
    changing = set(DecisionKind) - {DecisionKind.KEEP, DecisionKind.ASK_CORRECTION}
    told = {
        DecisionKind.PUBLISH: "publish",
        DecisionKind.REJECT: "take_down",
        DecisionKind.MERGE: "merge_away",
        DecisionKind.MASK: "mask",
        DecisionKind.REOPEN: "reopen",
        DecisionKind.UNDO: "undo_a_publication",
        DecisionKind.IMPORT: "bring_in_old_ones",
        DecisionKind.POLICY: "publish",
        DecisionKind.ACCEPT_CORRECTION: "accept_a_correction",
        DecisionKind.TAKE_BACK: "take_back_an_import",
    }
    assert set(told) == changing
    assert set(told.values()) <= set(CHANGES)


def test_what_is_undone_is_back_at_once(apps, place):
    path = place.paths()["page"]
    with db.Session.begin() as session:
        Acts(session, place).take_down()
    assert all(OLD not in app.test_client().get(path).text for app in apps)
    with db.Session.begin() as session:
        acts = Acts(session, place)
        acts.undo_a_publication()
    assert all(OLD in app.test_client().get(path).text for app in apps)


def test_a_withdrawal_that_was_acted_on_is_gone_too(apps, place):
    path = place.paths()["idea"]
    assert apps[0].test_client().get(path).status_code == 200
    with db.Session.begin() as session:
        Acts(session, place).withdraw()
    assert apps[0].test_client().get(path).status_code == 410


@pytest.mark.parametrize("path", ["/", "/rules", "/statistik/2019"])
def test_what_belongs_to_no_council_changes_at_once_too(apps, place, path):
    clients = [app.test_client() for app in apps]
    with db.Session.begin() as session:
        if session.get(YearlyNumbers, 2019) is None:
            session.add(YearlyNumbers(year=2019, numbers={"received": 17}, is_final=False))
    had = [each.get(path) for each in clients]
    marked = f"zq{new_id().hex}"
    with db.Session.begin() as session:
        session.get_one(Council, place.council.id).title = marked
        newest = session.scalars(
            select(Rule).where(Rule.code == "spam").order_by(Rule.version.desc())
        ).first()
        a_rule(session, "spam", version=newest.version + 1, title_sv=marked)
        session.add(
            YearlyNumbers(year=2030 + newest.version, numbers={"received": 9}, is_final=False)
        )
    for each, answer in zip(clients, had, strict=True):
        now = each.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert now.status_code == 200
        assert (marked if path != "/statistik/2019" else str(2030 + newest.version)) in now.text


def test_a_change_while_a_page_is_made_is_not_missed(apps, place):
    """The version is read first: what was read before a change is never kept as what came after."""

    def slowly() -> keeping.Made:
        with db.PublicSession() as session:
            found = published.find_idea(session, place.council.slug, place.idea.number)
        text_read = found.text if isinstance(found, published.PublicIdea) else "borta"
        if change:
            with db.Session.begin() as session:
                Acts(session, place).take_down()
            change.clear()
        return keeping.Made(text_read)

    change = [True]
    for expected in (place.idea.public_text, "borta", "borta"):
        with apps[0].test_request_context("/prov"):
            answer = keeping.answer_from_kept(slowly, slug=place.council.slug)
            assert answer.get_data(as_text=True) == expected


def test_a_council_that_opens_or_closes_needs_nobody_to_write_it(client, module_database):
    now = datetime.now(UTC).replace(microsecond=0)
    with db.Session.begin() as session:
        slug = a_council(
            session, open_from=now + timedelta(hours=1), open_until=now + timedelta(hours=2)
        ).slug
    seen = []
    for hours in (0, 0.99, 1, 1.99, 2, 0):
        with travel(now + timedelta(hours=hours), tick=False):
            page = client.get(f"/councils/{slug}").text
            home = client.get("/").text.split(f"/councils/{slug}")[1].split("</li>")[0]
            seen.append(('name="form_key"' in page, "Tar emot idéer" in home))
    assert seen == [(each, each) for each in (False, False, True, True, False, False)]


class TestTheForm:
    """What is one visitor's is no other's, and no copy holds a key that was used."""

    @staticmethod
    def key(page) -> str:
        return re.search(r'name="form_key" value="([^"]+)"', page.text)[1]

    def test_each_visitor_gets_a_key_and_a_stamp_of_their_own(self, client, place):
        pages = [client.get(place.paths()["page"]) for _ in range(3)]
        stamps = {re.search(r'name="opened" value="([^"]+)"', page.text)[1] for page in pages}
        assert len({self.key(page) for page in pages}) == 3
        assert all(stamp.startswith("form.") for stamp in stamps)
        assert len({page.headers["ETag"] for page in pages}) == 3

    def test_a_copy_is_good_until_its_key_is_used(self, apps, place):
        path = place.paths()["page"]
        first, second = (app.test_client() for app in apps)
        mine, yours = first.get(path), first.get(path)
        for client in (first, second):
            for page in (mine, yours):
                asked = client.get(path, headers={"If-None-Match": page.headers["ETag"]})
                assert asked.status_code == 304
                assert asked.headers["ETag"] == page.headers["ETag"]
        sent = {"text": "Min första idé", "form_key": self.key(mine)}
        assert first.post(f"{path}/ideas", data=sent).status_code == 303
        for client in (first, second):
            asked = client.get(path, headers={"If-None-Match": mine.headers["ETag"]})
            assert asked.status_code == 200
            assert self.key(asked) != self.key(mine)
            other = client.get(path, headers={"If-None-Match": yours.headers["ETag"]})
            assert other.status_code == 304
        again = {"text": "Min andra idé", "form_key": self.key(asked)}
        assert first.post(f"{path}/ideas", data=again).status_code == 303

    def test_nobody_between_reader_and_server_may_keep_it(self, client, place):
        paths = place.paths()
        assert client.get(paths["page"]).headers["Cache-Control"] == "private, no-cache"
        for name in ("idea", "json", "csv", "atom"):
            assert client.get(paths[name]).headers["Cache-Control"] == "no-cache", name

    def test_an_invented_key_is_no_copy(self, client, place):
        path = place.paths()["page"]
        etag = client.get(path).headers["ETag"]
        for wrong in (etag.split(".")[0] + '"', etag[:-4] + '"', etag[:-1] + 'A"', 'W/"x.y"'):
            page = client.get(path, headers={"If-None-Match": wrong})
            assert page.status_code == 200, wrong

    def test_words_of_residents_cannot_stand_for_a_key(self, client, place):
        """The page is cut where only this process knows."""
        with db.Session.begin() as session:
            idea = session.get_one(Idea, place.idea.id)
            idea.public_text = 'name="form_key" value="'
        page = client.get(place.paths()["page"]).text
        assert page.count('name="form_key" value="') == 1

    def test_an_error_or_a_search_shows_a_page_of_its_own(self, client, place):
        path = place.paths()["page"]
        wrong = client.post(f"{path}/ideas", data={"text": "x", "author": "Hemlig"})
        assert (wrong.status_code, "Hemlig" in wrong.text) == (422, True)
        found = client.get(f"{path}?q={OLD}", headers={"Accept-Encoding": "gzip"})
        assert OLD in found.text
        for answer in (wrong, found):
            # It repeats what was sent, so it is neither kept nor compressed.
            assert "ETag" not in answer.headers
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Hemlig" not in client.get(path).text


class TestAsking:
    """RFC 9110, as caches and readers ask."""

    @pytest.mark.parametrize("name", ["idea", "json", "csv", "atom"])
    def test_one_of_many_weak_or_strong_or_any(self, client, still, name):
        path = still.paths()[name]
        etag = client.get(path).headers["ETag"]
        assert etag.startswith('W/"')
        for asked in (etag, f'"x", {etag}', etag.removeprefix("W/"), f'{etag},W/"y"', "*"):
            answer = client.get(path, headers={"If-None-Match": asked})
            assert answer.status_code == 304, asked
            assert answer.headers["ETag"] == etag
            assert answer.headers["Vary"]
            assert answer.headers["Cache-Control"] == "no-cache"
            assert "Content-Length" not in answer.headers
        for asked in ('"x"', 'W/"x"', "", "nonsense", etag[:-2] + '"'):
            assert client.get(path, headers={"If-None-Match": asked}).status_code == 200, asked
        late = "Fri, 31 Dec 2049 23:59:59 GMT"
        assert client.get(path, headers={"If-Modified-Since": late}).status_code == 200

    def test_any_page_with_a_form_will_do_for_who_asks_for_any(self, client, still):
        path = still.paths()["page"]
        assert client.get(path, headers={"If-None-Match": "*"}).status_code == 304

    @pytest.mark.parametrize("name", ["page", "idea", "json", "csv", "atom"])
    def test_head_says_what_get_says(self, client, still, name):
        path = still.paths()[name]
        head, got = client.head(path), client.get(path)
        assert (head.status_code, head.data) == (200, b"")
        for header in ("Content-Type", "Cache-Control", "Vary"):
            assert head.headers[header] == got.headers[header], header
        assert head.headers["ETag"].split(".")[0] == got.headers["ETag"].split(".")[0]

    @pytest.mark.parametrize("name", ["page", "idea", "csv", "atom"])
    @pytest.mark.parametrize(
        ("accepted", "zipped"),
        [
            ("gzip", True),
            ("gzip, deflate, br, zstd", True),
            ("br;q=1, gzip;q=0.1", True),
            ("*", True),
            (None, False),
            ("", False),
            ("identity", False),
            ("gzip;q=0", False),
            ("gzip;q=0, *", False),
            ("deflate, br", False),
        ],
    )
    def test_gzip_for_who_takes_it(self, client, still, name, accepted, zipped):
        path = still.paths()[name]
        headers = {} if accepted is None else {"Accept-Encoding": accepted}
        answer = client.get(path, headers=headers)
        assert ("Content-Encoding" in answer.headers) == zipped
        assert "Accept-Encoding" in answer.headers["Vary"]
        body = gzip.decompress(answer.data) if zipped else answer.data
        without_own = re.compile(rb'name="(form_key|opened)" value="[^"]+"')
        plain = without_own.sub(b"", client.get(path).data)
        assert without_own.sub(b"", body) == plain
        assert (
            answer.headers["ETag"].split(".")[0] == client.get(path).headers["ETag"].split(".")[0]
        )

    def test_what_is_a_visitors_own_is_not_compressed(self, client, still):
        """Its length must say nothing about it, whatever else stands on the page (BREACH)."""
        answer = client.get(still.paths()["page"], headers={"Accept-Encoding": "gzip"})
        body = gzip.decompress(answer.data)
        assert len(answer.data) < len(body) / 2
        for name in (b"form_key", b"opened"):
            own = re.search(rb'name="%s" value="([^"]+)"' % name, body)[1]
            assert own in answer.data

    def test_what_is_small_is_left_as_it_is(self, client):
        with db.Session.begin() as session:
            slug = a_council(session).slug
        answer = client.get(f"/councils/{slug}/ideas.json", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers

    def test_languages_are_kept_apart_and_a_cookie_is_nobody_elses(self, client, still):
        path = still.paths()["idea"]
        swedish = client.get(path)
        english = client.get(f"{path}?lang=en")
        assert "Nummer" in swedish.text
        assert "Number" in english.text
        assert swedish.headers["Vary"] == "Accept-Encoding, Cookie"
        assert "Set-Cookie" not in swedish.headers
        # It sets a cookie, and so is for this reader alone.
        assert english.headers["Cache-Control"] == "private, no-cache"
        later = client.get(path, headers={"If-None-Match": swedish.headers["ETag"]})
        assert "Number" in later.text

    @pytest.mark.parametrize("name", ["json", "csv", "atom"])
    def test_no_cookie_changes_open_data(self, apps, still, name):
        path = still.paths()[name]
        plain, english = (app.test_client() for app in apps)
        english.get("/?lang=en")
        one, other = plain.get(path), english.get(path)
        assert (one.data, one.headers["ETag"]) == (other.data, other.headers["ETag"])
        assert one.headers["Vary"] == "Accept-Encoding"

    def test_pages_that_follow_are_kept_each_for_itself(self, client, still, monkeypatch):
        monkeypatch.setattr("services.submission.feeds.IDEAS_AT_A_TIME", 2)
        first = client.get(still.paths()["json"])
        following = first.json["next"].removeprefix("http://localhost:8000")
        second = client.get(following)
        assert first.headers["ETag"] != second.headers["ETag"]
        assert len(first.json["ideas"]) == len(second.json["ideas"]) == 2
        asked = client.get(following, headers={"If-None-Match": second.headers["ETag"]})
        assert asked.status_code == 304

    def test_nothing_typed_into_an_address_is_kept_for_others(self, client, still):
        for path in ("/", "/rules", *still.paths().values()):
            assert "zqtypad" not in client.get(f"{path}?utm=zqtypad&x=zqtypad").text
            if path != still.paths()["page"]:
                assert client.get(f"{path}?q=zqtypad").status_code == 200
                assert "zqtypad" not in client.get(path).text
        assert client.get(f"{still.paths()['page']}?after=zqtypad").status_code == 400

    def test_the_whole_table_streamed_and_compressed_is_the_table(self, client, still):
        path = still.paths()["csv"]
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        rows = list(csv.DictReader(io.StringIO(gzip.decompress(answer.data).decode())))
        listed = client.get(still.paths()["json"]).json["ideas"]
        assert [row["number"] for row in rows] == [each["number"] for each in listed]
        assert len(rows) == 5


class TestTheFeed:
    """RFC 4287 and RFC 6721: who reads along hears of each change, and of what is gone."""

    def test_through_a_whole_life_it_never_goes_back(self, client, place):
        urn = place.idea.id.urn
        moments, entry = [read_feed(client, place)[0]], []
        for step in (
            "mask",
            "merge_into",
            "answer",
            "take_down",
            "undo_a_publication",
            "take_down",
        ):
            with db.Session.begin() as session:
                getattr(Acts(session, place), step)()
            moved, has, gone = read_feed(client, place)
            moments.append(moved)
            entry.append(has.get(urn) or gone[urn])
        assert moments == sorted(set(moments))
        assert entry == sorted(set(entry))

    def test_what_never_was_public_leaves_no_trace(self, client, place):
        with db.Session.begin() as session:
            acts = Acts(session, place)
            decide(session, acts.waiting, DecisionKind.REJECT, rule_code="spam")
            token = receipts.issue_receipt(
                session, KEY, acts.waiting.id, acts.waiting.receipt_nonce
            )
            receipt.withdraw_idea(session, token)
        assert read_feed(client, place)[2] == {}

    def test_an_empty_feed_says_the_same_twice(self, client):
        with db.Session.begin() as session:
            slug = a_council(session).slug
        first, second = (client.get(f"/councils/{slug}/feed.atom") for _ in range(2))
        assert first.data == second.data


def test_a_lost_connection_is_not_noticed(client, place):
    path = place.paths()["idea"]
    assert client.get(path).status_code == 200
    with db.Session() as session:
        session.execute(
            text("""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()""")
        )
    assert client.get(path).status_code == 200


def test_the_question_for_a_version_is_asked_as_the_public(client, place):
    assert db.ask_public_views("SELECT current_user") == [(b"radslag_public",)]
    assert db.ask_public_views("SHOW transaction_read_only") == [(b"on",)]


def test_a_question_that_is_wrong_says_so(client, place):
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="permission denied"):
            db.ask_public_views("SELECT email FROM contacts WHERE email = $1", b"x")
    assert client.get(place.paths()["idea"]).status_code == 200


class TestTheShelf:
    """One process keeps so much and no more."""

    @staticmethod
    def page(body: str, number: int = 1) -> keeping.KeptPage:
        return keeping.KeptPage.of(keeping.Made(body), (number,), NOW)

    def test_what_was_not_asked_for_goes_first(self):
        size = self.page("x" * 500).size
        shelf = keeping.Shelf(3 * size)
        for key in "abc":
            shelf.put(key, self.page("x" * 500))
        assert shelf.find("a", (1,), NOW)
        shelf.put("d", self.page("x" * 500))
        assert [bool(shelf.find(key, (1,), NOW)) for key in "abcd"] == [True, False, True, True]
        assert shelf.bytes == 3 * size
        shelf.put("e", self.page("x" * 5000))
        assert shelf.bytes == 0

    def test_a_page_of_another_version_is_forgotten(self):
        shelf = keeping.Shelf()
        shelf.put("a", self.page("x"))
        assert shelf.find("a", (2,), NOW) is None
        assert (shelf.find("a", (1,), NOW), shelf.bytes) == (None, 0)

    def test_in_the_place_of_an_older_one(self):
        shelf = keeping.Shelf()
        shelf.put("a", self.page("x" * 100))
        shelf.put("a", self.page("y", 2))
        assert shelf.bytes == self.page("y").size


NOW = datetime(2026, 11, 30, tzinfo=UTC)
