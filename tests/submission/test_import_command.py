"""`radslag import` on the real page: stored, checked by the real checks, and read again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner, Result
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as SqlSession

from radslag.cli import main
from services.moderation.checking.batches import check_batch
from shared import db
from shared.config import Settings
from shared.delivery import ledger, outbox
from shared.models import (
    Decision,
    DecisionKind,
    DuplicateLink,
    FindingRow,
    Idea,
    IdeaText,
    Letter,
    OutboxDelivery,
    QueueEntry,
    Reason,
)
from tests.factories import a_council

SEED = "seed/000_73bac671341df271.txt"


@pytest.fixture
def run(environment, session, monkeypatch):
    """Run `radslag import` as a person does."""
    a_council(session, slug="pizza-och-politik")
    session.commit()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    # The command binds its own engine: sessions of the old one are not used after it.
    def invoke(*arguments: object) -> Result:
        session.close()
        db.close_connections()
        options = ["--council", "pizza-och-politik"]
        return CliRunner().invoke(main, ["import", *map(str, arguments), *options])

    return invoke


def check_all() -> None:
    """What a worker does with everything that waits."""
    batch = uuid4()
    with db.Session.begin() as session:
        session.execute(update(OutboxDelivery).values(batch=batch))
    deliveries = outbox.claim_batch(batch)
    with db.Session.begin() as session:
        check_batch(session, batch, deliveries)


@contextmanager
def books(settings: Settings) -> Iterator[SqlSession]:
    """What is stored now."""
    db.configure_sessions(settings)
    with db.Session() as opened:
        yield opened


@pytest.fixture
def page(shared_data: Path) -> Path:
    return shared_data / SEED


def test_the_real_page_is_12_ideas_however_often(run, page, settings):
    first = run(page, "--format", "page", "--no-wait", "--json")
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {"new": 12, "known": 0, "checked": False, "clean_up": 0}
    again = run(page, "--format", "page", "--json")
    assert json.loads(again.stdout)["new"] == 0
    with books(settings) as session:
        assert session.scalar(select(func.count()).select_from(Idea)) == 12
        assert set(session.scalars(select(Decision.kind))) == {DecisionKind.IMPORT}


def test_exactly_the_pairs_and_the_child_wait_to_be_cleaned_up(run, page, settings):
    run(page, "--format", "page", "--no-wait")
    db.configure_sessions(settings)
    check_all()
    with db.Session() as session:
        entries = session.execute(
            select(Idea, QueueEntry.reason).join(QueueEntry, QueueEntry.idea_id == Idea.id)
        ).all()
        assert {reason for _idea, reason in entries} == {Reason.CLEAN_UP}
        assert sorted(idea.received_at.date().isoformat() for idea, _reason in entries) == [
            "2021-11-05",
            "2021-11-19",
            "2021-12-13",
        ]
        # The upper of two entries of a day is the later one, and the copy.
        copies = session.scalars(select(DuplicateLink)).all()
        assert len(copies) == 2
        for link in copies:
            copy, original = (
                session.get_one(Idea, link.idea_id),
                session.get_one(Idea, link.original_id),
            )
            assert copy.received_at > original.received_at
            assert copy.public_text == original.public_text
        assert sorted(session.get_one(Idea, link.idea_id).public_author for link in copies) == [
            "Carl",
            "dimitrij",
        ]
        child = session.scalars(select(FindingRow).where(FindingRow.code == "child")).one()
        text = session.get_one(IdeaText, (child.idea_id, 1)).text or ""
        marked = [text[start:end] for start, end in child.spans]
        assert [len(words.split()) for words in marked] == [1, 2]
        assert marked[1] == "11 år"
        # Two entries also name public figures, which is told and asks for nothing.
        others = session.execute(
            select(FindingRow.code, FindingRow.severity).where(
                FindingRow.code.not_in(["child", "exact"])
            )
        ).all()
        assert {tuple(row) for row in others} <= {("person_name", "low")}
        assert len(others) <= 2
        assert session.scalar(select(func.count()).select_from(Letter)) == 0
    with db.Session() as fresh:
        assert ledger.read_ledger(fresh).violations == []


def test_a_dry_run_says_the_same_and_stores_nothing(run, page, settings):
    result = run(page, "--format", "page", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 12
    assert all(
        set(line) == {"id", "verdict", "priority", "findings", "unchecked"} for line in lines
    )
    found = [line for line in lines if line["verdict"] != "clear"]
    assert sorted(line["findings"][0]["code"] for line in found) == ["child", "exact", "exact"]
    ids = {line["id"] for line in lines}
    for line in found:
        assert line["findings"][0]["severity"] in {"medium", "high"}
        finding, *others = line["findings"]
        assert {other["severity"] for other in others} <= {"low", "info"}
        assert finding["explanation"]
        if finding["code"] == "exact":
            assert finding["similar_to"] in ids - {line["id"]}
            assert finding["score"] == 1.0
    with books(settings) as session:
        assert session.scalar(select(func.count()).select_from(Idea)) == 0


def test_a_public_page_shows_the_thread_as_it_was(run, page, settings):
    from services.submission import create_app

    run(page, "--format", "page", "--no-wait")
    db.configure_sessions(settings)
    app = create_app(settings)
    shown = BeautifulSoup(app.test_client().get("/councils/pizza-och-politik").text, "html.parser")
    app.extensions["submit_limits"].close()
    heads = [" ".join(each.text.split()) for each in shown.select(".entries .says")]
    assert heads[:3] == [
        "13 december 2021 · Anonym säger:",
        "19 november 2021 · Carl säger:",
        "19 november 2021 · Anonym säger:",
    ]
    assert heads[-1] == "4 november 2021 · Anonym säger:"
    written = page.read_text("utf-8")
    for words in shown.select(".entries blockquote"):
        assert words.text in written


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        ("a.csv", "id,text\n", [], "line 1"),
        ("a.json", "[", [], "line 1"),
        ("a.unknown", "x", [], "--format"),
        ("a.txt", "x", [], "line 1"),
        (
            "a.csv",
            "id,text,author,created_at\n1,Hej,,2021-01-01\n",
            ["--council", "x"],
            "council x",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_code_2(
    environment, session, monkeypatch, tmp_path, name, content, options, says
):
    a_council(session, slug="rad")
    session.commit()
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    session.close()
    db.close_connections()
    (tmp_path / name).write_text(content, "utf-8")
    wanted = ["import", str(tmp_path / name), *(options or ["--council", "rad"])]
    result = CliRunner().invoke(main, wanted)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_near_copies_in_a_file_are_told_by_id(run, tmp_path):
    lines = [
        ("a", "Vi behöver fler bänkar i skuggan längs strandpromenaden i Helsingborg."),
        ("b", "Öppna biblioteken på söndagar, så att alla hinner dit."),
        ("c", "Vi behöver fler bänkar i skugga längs strandpromenaden i Helsingborg!"),
    ]
    file = tmp_path / "ideas.jsonl"
    file.write_text(
        "\n".join(
            json.dumps({"id": name, "text": text, "created_at": f"2021-01-0{n}"})
            for n, (name, text) in enumerate(lines, start=1)
        ),
        "utf-8",
    )
    result = run(file, "--dry-run", "--json")
    found = {line["id"]: line["findings"] for line in map(json.loads, result.stdout.splitlines())}
    assert found["a"] == found["b"] == []
    assert [(each["code"], each["similar_to"]) for each in found["c"]] == [("near", "a")]
