"""Where residents' words can stand is one list, and destroying an idea leaves none anywhere."""

import json
from dataclasses import dataclass
from uuid import UUID

import pytest
from psycopg.errors import IntegrityConstraintViolation
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import deciding
from services.submission.hooks import inbox, sources
from shared.clock import utcnow
from shared.db import Session
from shared.forgetting import words
from shared.forgetting.words import Clears, StillStandsError
from shared.ids import new_id
from shared.models import Idea, Import, InboxItem, InboxKey, Original, Slip
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.notify.deliveries import hand_over

# Each is somewhere among what a resident sent.
WORDS = ("zebrafisk", "zorro", "zelda@example.org", "zinnia")
TEXTUAL = ("text", "character varying", "bytea", "jsonb", "tsvector", "ARRAY")


def list_columns(connection: Connection) -> dict[tuple[str, str], str]:
    """Every column of a table that could hold a text, with its type."""
    rows = connection.execute(
        text("""
        SELECT table_name, column_name, data_type
        FROM information_schema.columns c JOIN information_schema.tables t
             USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
          AND data_type = ANY(:kinds)"""),
        {"kinds": list(TEXTUAL)},
    )
    checked = connection.execute(
        text("""
        SELECT conrelid::regclass::text, a.attname
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = ANY(conkey)
        WHERE contype = 'c' AND cardinality(conkey) = 1
          AND pg_get_constraintdef(c.oid) ~ '^CHECK \\(+"?[a-z_]+"?\\)?(::text\\)*)? = ANY '""")
    )
    # A CHECK that lists all words of a column leaves no room for others.
    listed = {tuple(row) for row in checked}
    return {(table, name): kind for table, name, kind in rows if (table, name) not in listed}


def test_every_column_that_could_hold_a_text_has_its_place_in_the_list(unit: SqlSession):
    found = set(list_columns(unit.connection()))
    residents = {(table, name) for table, each in words.RESIDENTS.items() for name in each}
    others = {(table, name) for table, each in words.OTHERS.items() for name in each.split()}
    assert residents & others == set()
    assert found - residents - others == set(), "say in shared/forgetting/words.py what clears it"
    assert (residents | others) - found == set(), "that is no column, or a CHECK lists its words"


def where_is(session: SqlSession, word: str) -> set[tuple[str, str]]:
    """In which columns a word stands, in whatever type."""
    parts = []
    for (table, name), kind in list_columns(session.connection()).items():
        said = f"encode(\"{name}\", 'escape')" if kind == "bytea" else f'"{name}"::text'
        parts.append(
            f"SELECT '{table}', '{name}' WHERE EXISTS "
            f'(SELECT FROM "{table}" WHERE {said} ILIKE :word)'
        )
    # A stem is shorter than its word.
    rows = session.execute(text(" UNION ALL ".join(parts)), {"word": f"%{word[:5]}%"})
    return {tuple(row) for row in rows}


@dataclass
class World:
    """An idea that came from a form tool, and a delivery that became none."""

    idea_id: UUID
    aside_id: UUID


@pytest.fixture
def world(settings, database) -> World:
    zebra, zorro, zelda, zinnia = WORDS
    kind = f"application/json; note={zinnia}"
    with Session.begin() as session:
        council = a_council(session)
        source = sources.add_source(session, settings, "Kontakt", council, by=None)
        sent = json.dumps({"text": f"En {zebra} i dammen", "author": zorro, "epost": zelda})
        taken = inbox.store_delivery(session, source, sent.encode(), kind, "ett")
        odd = json.dumps({"fråga": zebra, "namn": zorro, "mejl": zelda}).encode()
        aside = inbox.store_delivery(session, source, odd, kind, "två")
    hand_over("submission.form", inbox.map_deliveries, settings)
    with Session.begin() as session:
        assert inbox.put_aside(session, source.id, aside.id)
        idea = session.get_one(Idea, session.get_one(InboxItem, taken.id).idea_id)
        decision = deciding.publish_by_policy(session, idea)
        assert decision.status_after == "published"
        about = {"idea": idea.id, "council": council.id, "import": new_id(), "zebra": zebra}
        about |= {"rule": a_rule(session).id, "zorro": zorro, "raw": zebra.encode(), "kind": kind}
        about |= {
            "staff": a_member_of_staff(session).id,
            "new": new_id(),
            "source": source.id,
            "first": taken.id,
        }
        session.add(
            Import(
                id=about["import"],
                council_id=council.id,
                form="csv",
                file_name="a.csv",
                sha256=b"",
                total=1,
            )
        )
        session.flush()
        for statement in (
            """INSERT INTO embeddings (idea_id, text_version, council_id, model, vector, made_at)
            VALUES (:idea, 1, :council, 'm', :raw, now())""",
            """INSERT INTO import_lines (import_id, place, line, source_id, text, author, raw,
                content_type, received_at, precision, was_public, idea_id)
            VALUES (:import, 0, 1, '1', :zebra, :zorro, :raw, :kind, now(), 'day', true, :idea)""",
            """INSERT INTO inbox (id, source_id, state, same_as, content_type, received_at)
            VALUES (:new, :source, 'repeated', :first, :kind, now())""",
            # The same words again, sent under another id.
            """INSERT INTO inbox_keys (source_id, key_sha256, body_sha256, inbox_id, stored_at)
            VALUES (:source, sha256('again'), sha256('words'), :new, now())""",
            """INSERT INTO slips (idea_id, batch_id, staff_id, channel, key, entered_at)
            VALUES (:idea, :new, :staff, 'phone', sha256('a'), now())""",
            "UPDATE ideas SET status = 'rejected', rule_id = :rule WHERE id = :idea",
        ):
            names = text(statement).compile().params
            session.execute(text(statement), {name: about[name] for name in names})
    return World(idea.id, aside.id)


def test_destroying_leaves_no_word_in_any_row_of_any_table(world, session):
    before = {word: where_is(session, word) for word in WORDS}
    residents = {(table, name) for table, each in words.RESIDENTS.items() for name in each}
    seen = set().union(*before.values())
    assert seen <= residents
    # Every place of the list but hashes, which no word is found in.
    hashes = {("originals", "sha256"), ("inbox_keys", "body_sha256"), ("slips", "key")}
    assert residents - seen == hashes
    told = [select(Original.sha256), select(InboxKey.body_sha256), select(Slip.key)]
    hashed = [session.scalars(each).all() for each in told]
    assert [[len(each) for each in found] for found in hashed] == [[32], [32, 32, 32], [32]]
    with Session.begin() as writing:
        words.destroy_ideas(writing, [world.idea_id], "KS 2026/123", now=utcnow())
        words.destroy_deliveries(writing, [world.aside_id], "KS 2026/123")
    session.rollback()
    assert {word: where_is(session, word) for word in WORDS} == {word: set() for word in WORDS}
    originals, keys, [slip] = [session.scalars(each).all() for each in told]
    assert (originals, keys) == ([b""], [b"", b"", b""])
    assert (len(slip), slip in hashed[2]) == (32, False)
    # What is left tells that there was something, and what was decided.
    idea = session.get_one(Idea, world.idea_id)
    session.refresh(idea)
    assert (idea.status, idea.fold_hash, idea.public_text) == ("rejected", 0, None)
    assert idea.destroyed_at is not None
    first = idea.destroyed_at
    with Session.begin() as writing:
        words.destroy_ideas(writing, [world.idea_id], "KS 2026/124", now=utcnow())
    session.refresh(idea)
    assert idea.destroyed_at == first


@pytest.mark.parametrize("status", ["received", "waiting", "published", "merged"])
def test_what_stands_or_waits_is_not_destroyed_nor_what_was_to_go_with_it(unit, status):
    gone, stays = an_idea(unit), an_idea(unit)
    unit.execute(text("UPDATE ideas SET status = 'withdrawn' WHERE id = :id"), {"id": gone.id})
    if status == "published":
        deciding.publish_by_policy(unit, stays)
    else:
        stays.status = status
        stays.merged_into = gone.id if status == "merged" else None
    unit.flush()
    with pytest.raises(StillStandsError):
        words.destroy_ideas(unit, [gone.id, stays.id], "1", now=utcnow())
    left = select(Idea.destroyed_at).where(Idea.id.in_([gone.id, stays.id]))
    assert unit.scalars(left).all() == [None, None]


@pytest.mark.parametrize("number", ["", " ", "\n"])
def test_nothing_is_destroyed_without_a_decision(unit, number):
    idea = an_idea(unit)
    with pytest.raises(ValueError, match="number of its decision"):
        words.destroy_ideas(unit, [idea.id], number, now=utcnow())


def test_the_seal_holds_against_all_else(unit):
    idea = an_idea(unit)
    unit.flush()
    with pytest.raises(IntegrityError) as refused:
        unit.execute(words._OF_IDEAS[0], {"ids": [idea.id]})
    assert isinstance(refused.value.orig, IntegrityConstraintViolation)


def test_a_rule_that_nothing_uses_is_none():
    used = {rule for each in words.RESIDENTS.values() for rule in each.values()}
    assert used == set(Clears)
