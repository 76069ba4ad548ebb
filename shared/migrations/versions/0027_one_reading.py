r"""Every search reads texts as the checks do: what looks the same is found by the same words.

`plain_words` leaves out all that nobody sees, before letters and accents are made one, and knows the
digits of other scripts. What the public looks in, and what waits for people, is indexed as it reads
it; ideas whose words it reads otherwise than before get them anew.

Yesterday's code runs beside this: add first, remove in a later release (`ix_ideas_search` and
`ix_idea_texts_search` are yesterday's). No model imports, data and schema apart, short locks.

Revision: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# As PostgreSQL's expressions spell them; `shared.reading` says why these.
_UNSEEN = (
    r"\u0001-\u0008\u000E-\u001B\u007F-\u0084\u0086-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5"
    r"\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFE00-\uFE0F\uFEFF\uFFF0-\uFFF8"
    r"\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF"
)
_BLANKS = r"U&'\2800\3164\FFA0'"
_DIGITS = (
    r"U&'"
    + "".join(rf"\{first + digit:04X}" for first in (0x0660, 0x06F0, 0x0966) for digit in range(10))
    + "'"
)
_ODD = rf"[{_UNSEEN}\u2800\u3164\uFFA0\u0660-\u0669\u06F0-\u06F9\u0966-\u096F]"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # "<bänk>" is a word and no tag.
    op.execute(rf"""
        CREATE OR REPLACE FUNCTION plain_words(said text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN translate(
            normalize(translate(regexp_replace(said, '[{_UNSEEN}]', '', 'g'), {_BLANKS}, '   '), NFKC),
            '<>&' || {_DIGITS}, '   012345678901234567890123456789')""")
    op.execute(rf"""
        SELECT keep_words(i.id) FROM ideas i
        WHERE i.status <> 'received' AND EXISTS (
            SELECT FROM idea_texts t WHERE t.idea_id = i.id AND t.text IS NOT NULL
            AND t.version IN (i.text_version, i.public_version)
            AND (t.text ~ '{_ODD}' OR t.author ~ '{_ODD}'))""")
    op.create_index(
        "ix_ideas_search_words",
        "ideas",
        [sa.literal_column("to_tsvector('swedish'::regconfig, plain_words(public_text))")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(
        "ix_idea_texts_search_words",
        "idea_texts",
        [sa.literal_column("to_tsvector('swedish'::regconfig, plain_words(text))")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("is_waiting"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_idea_texts_search_words", "idea_texts")
    op.drop_index("ix_ideas_search_words", "ideas")
    op.execute(r"""
        CREATE OR REPLACE FUNCTION plain_words(said text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN translate(normalize(said, NFKC),
            U&'<>&\00AD\200B\200C\200D\200E\200F\202A\202B\202C\202D\202E\2060\2066\2067\2068\2069\FEFF',
            '   ')""")
