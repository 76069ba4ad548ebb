"""The versions of the spam model: their numbers, which is in use, and which are forgotten."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from services.moderation.checks.learned_spam.spam_model import load_shipped_model
from services.moderation.spam import spam_learning, spam_versions
from shared import db
from shared.models import LearnedModel


def add(session, *, use=False, bias=0.0, note="x"):
    model = replace(load_shipped_model(), bias=bias)
    return spam_versions.add_version(session, model, figures={"last_seq": 1}, note=note, use=use)


def in_use(session):
    return session.scalars(select(LearnedModel.version).where(LearnedModel.is_active)).all()


def versions(session):
    return [row.version for row in spam_versions.list_versions(session)]


def test_the_shipped_one_comes_first_and_is_in_use_until_another_one_is(session):
    assert spam_versions.in_use(session) is None
    assert add(session).version == 2
    assert in_use(session) == [1]
    assert add(session, use=True, bias=1.0).version == 3
    assert in_use(session) == [3]
    assert add(session, bias=2.0).version == 4
    assert (in_use(session), versions(session)) == ([3], [4, 3, 2, 1])
    assert spam_versions.in_use(session).bias == pytest.approx(1.0)
    first = spam_versions.list_versions(session)[-1]
    assert (first.note, first.parent_id) == (spam_versions.SHIPPED, None)
    assert {row.parent_id for row in spam_versions.list_versions(session)[:-1]} == {first.id}


def test_a_newly_shipped_one_gets_a_row_and_is_not_put_in_use_by_itself(
    session, tmp_path, monkeypatch
):
    add(session, use=True, bias=1.0)
    other = tmp_path / "model.npz"
    other.write_bytes(replace(load_shipped_model(), bias=9.0).to_bytes())
    monkeypatch.setattr(spam_versions, "SHIPPED_FILE", other)
    row = add(session)
    assert (row.version, in_use(session)) == (4, [2])
    assert session.get(LearnedModel, row.parent_id).version == 3


def test_the_oldest_are_forgotten_but_those_shipped_and_the_one_in_use(session, monkeypatch):
    monkeypatch.setattr(spam_versions, "_KEPT", 2)
    add(session, use=True)
    for _ in range(4):
        add(session)
    assert versions(session) == [6, 5, 2, 1]
    spam_versions.activate_version(session, 5)
    add(session)
    assert versions(session) == [7, 6, 5, 1]
    spam_versions.activate_version(session, 7)
    add(session)
    assert versions(session) == [8, 7, 1]


def test_a_model_of_another_kind_is_none_of_its_business(session):
    weights = replace(load_shipped_model(), bias=5.0).to_bytes()
    other = LearnedModel(kind="other", version=7, weights=weights, note="", is_active=True)
    session.add(other)
    session.flush()
    assert spam_versions.in_use(session) is None
    assert versions(session) == []
    with pytest.raises(LookupError):
        spam_versions.activate_version(session, 7)
    assert add(session, use=True).version == 2
    session.refresh(other)
    assert (other.is_active, versions(session)) == (True, [2, 1])


def test_one_at_a_time_stores_or_activates(session):
    """The second waits, so that no two versions get one number, and never two are in use."""
    add(session)
    session.commit()
    add(session)
    for act in (add, lambda own: spam_versions.activate_version(own, 1)):
        with db.Session() as other:
            other.execute(text("SET LOCAL lock_timeout = '20ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                act(other)
    session.rollback()
    spam_versions.activate_version(session, 2)
    with db.Session() as other:
        other.execute(text("SET LOCAL lock_timeout = '20ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            add(other)


@pytest.mark.parametrize(
    ("learned", "compared", "stored"),
    [
        (spam_learning.NOT_WORSE, 1, spam_learning.NOT_WORSE),
        (spam_learning.NOT_WORSE, 2, spam_learning.OVERTAKEN),
        (spam_learning.NOT_WORSE, 0, spam_learning.OVERTAKEN),
        (spam_learning.WORSE, 2, spam_learning.WORSE),
        (spam_learning.UNSURE, 1, spam_learning.UNSURE),
    ],
)
def test_is_used_only_when_not_worse_than_the_one_in_use(session, learned, compared, stored):
    add(session)
    figures = {"standing": {"version": compared}}
    row = spam_learning.store_learned(
        session, spam_learning.Learned(load_shipped_model(), learned, figures)
    )
    assert row.note == stored
    assert in_use(session) == ([3] if stored == spam_learning.NOT_WORSE else [1])


def test_is_described_in_plain_values(session):
    row = add(session, use=True, note="not-worse")
    row.figures = {"decisions": {"spam": 1}, "held_back": {"right": 2}, "standing": {"version": 3}}
    assert spam_versions.describe_version(row) == {
        "version": 2,
        "active": True,
        "made_at": row.made_at.isoformat(),
        "note": "not-worse",
        "decisions": {"spam": 1},
        "held_back": {"right": 2},
        "standing": {"version": 3},
    }
