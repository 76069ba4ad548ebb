"""What the desk's search looks in: the words of every idea that has been checked, in any state.

`idea_words` holds, for each idea, the stems of the text version in force and of its author; where
the public still reads another version, of that one too. Triggers keep it: whoever writes a version,
with whatever version of the code, what stands is what is found, and what was masked is not. The
intake pays nothing: an idea gets its words when it leaves `received`.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks: the long work is done before anything that others write is locked.

Revision: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NEWEST_FIRST = ["received_at", "seq"]
_INDEXES = {
    "ix_ideas_newest": _NEWEST_FIRST,
    "ix_ideas_newest_of_status": ["status", *_NEWEST_FIRST],
    "ix_ideas_newest_of_council": ["council_id", *_NEWEST_FIRST],
    "ix_ideas_newest_of_both": ["council_id", "status", *_NEWEST_FIRST],
}
_WORDS = """
    SELECT i.id, i.council_id, i.seq, i.received_at,
           setweight(to_tsvector('swedish', plain_words(coalesce(t.author, ''))), 'A')
           || to_tsvector('swedish', plain_words(t.text))
           || to_tsvector('swedish', plain_words(coalesce(p.text, '')))
    FROM ideas i
    JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
    LEFT JOIN idea_texts p ON p.idea_id = i.id AND p.version = i.public_version
         AND i.public_version <> i.text_version AND i.status = 'published'
    WHERE i.status <> 'received' AND t.text IS NOT NULL"""
_INTO = "INSERT INTO idea_words (idea_id, council_id, seq, received_at, words)"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # One spelling for what looks the same: composed letters, one kind of space, and without what
    # nobody sees (soft hyphens, marks of direction and of width). "<bänk>" is a word and no tag.
    op.execute(r"""
        CREATE FUNCTION plain_words(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN translate(normalize(said, NFKC),
            U&'<>&\00AD\200B\200C\200D\200E\200F\202A\202B\202C\202D\202E\2060\2066\2067\2068\2069\FEFF',
            '   ')""")
    op.create_table(
        "idea_words",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_idea_words_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("idea_id", name=op.f("pk_idea_words")),
    )
    op.execute(_INTO + _WORDS)
    op.create_index(
        "ix_idea_words_search", "idea_words", ["words"], unique=False, postgresql_using="gin"
    )
    _keep_words()
    for name, columns in _INDEXES.items():
        op.create_index(
            name,
            "ideas",
            columns,
            unique=False,
            postgresql_where=sa.text("status <> 'received'"),
        )
    # What was written between the first look and the lock that the triggers took.
    op.execute(f"""
        {_INTO}{_WORDS}
          AND (t.version > 1 OR NOT EXISTS (SELECT FROM idea_words w WHERE w.idea_id = i.id))
        ON CONFLICT (idea_id) DO UPDATE SET words = excluded.words""")


def _keep_words() -> None:
    op.execute(f"""
        CREATE FUNCTION keep_words(idea uuid) RETURNS void LANGUAGE sql AS $$
            {_INTO}{_WORDS} AND i.id = idea
            ON CONFLICT (idea_id) DO UPDATE SET words = excluded.words
            $$""")
    op.execute("""
        CREATE FUNCTION keep_words_of_idea() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM keep_words(NEW.id);
            RETURN NULL;
        END $$""")
    # The public text matters only while it is another version than the one in force.
    op.execute("""
        CREATE TRIGGER keeps_words AFTER UPDATE OF status, text_version, public_version ON ideas
        FOR EACH ROW WHEN (
            NEW.status <> 'received' AND (
                OLD.status = 'received'
                OR OLD.text_version <> NEW.text_version
                OR OLD.public_version <> OLD.text_version
                OR NEW.public_version <> NEW.text_version))
        EXECUTE FUNCTION keep_words_of_idea()""")
    # A version may be stored after the idea that points to it. Destroyed words are not found.
    op.execute("""
        CREATE FUNCTION keep_words_of_text() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.text IS NULL THEN
                DELETE FROM idea_words WHERE idea_id = NEW.idea_id;
            END IF;
            PERFORM keep_words(NEW.idea_id);
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER keeps_words_of_another AFTER INSERT ON idea_texts
        FOR EACH ROW WHEN (NEW.version > 1) EXECUTE FUNCTION keep_words_of_text()""")
    op.execute("""
        CREATE TRIGGER forgets_words AFTER UPDATE OF text ON idea_texts
        FOR EACH ROW WHEN (NEW.text IS NULL) EXECUTE FUNCTION keep_words_of_text()""")


def downgrade() -> None:
    """Take back."""
    for name in _INDEXES:
        op.drop_index(name, "ideas")
    op.drop_table("idea_words")
    op.execute("DROP FUNCTION keep_words_of_idea() CASCADE")
    op.execute("DROP FUNCTION keep_words_of_text() CASCADE")
    op.execute("DROP FUNCTION keep_words(uuid)")
    op.execute("DROP FUNCTION plain_words(text)")
