"""The city's name, contact, colour and pictures, as the public web shows them.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_COUNCILS = """
    CREATE OR REPLACE VIEW public_councils AS
    SELECT id, slug, title, theme, held_label, held_on, introduction, summary_url, language,
           open_from, open_until, publishes_clear{} FROM councils"""


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "pictures",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('png', 'jpg')", name=op.f("ck_pictures_kind_is_known")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_pictures_sha256_is_whole")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pictures")),
        sa.UniqueConstraint("sha256", name=op.f("uq_pictures_sha256")),
    )
    op.create_table(
        "city_face",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("authority", sa.String(), server_default="", nullable=False),
        sa.Column("contact", sa.String(), server_default="", nullable=False),
        sa.Column("colour", sa.String(), server_default="", nullable=False),
        sa.Column("logo_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_city_face_one_row")),
        sa.CheckConstraint(
            "colour ~ '^([0-9a-f]{6})?$'", name=op.f("ck_city_face_colour_is_plain")
        ),
        sa.ForeignKeyConstraint(
            ["logo_id"], ["pictures.id"], name=op.f("fk_city_face_logo_id_pictures")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city_face")),
    )
    op.add_column("councils", sa.Column("picture_id", sa.Integer(), nullable=True))
    op.add_column(
        "councils", sa.Column("picture_alt", sa.String(), server_default="", nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_councils_picture_id_pictures"), "councils", "pictures", ["picture_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_councils_picture_is_described"),
        "councils",
        "(picture_id IS NULL) = (picture_alt = '')",
    )
    _open_public_door()
    # A change of the face ends every page that is kept, of each council too: all say what the
    # city is called.
    op.execute("""
        CREATE TRIGGER tells_public AFTER INSERT OR UPDATE OR DELETE ON city_face
        FOR EACH STATEMENT EXECUTE FUNCTION tell_of_common()""")


def downgrade() -> None:
    """Undo."""
    op.execute("DROP VIEW public_pictures, public_face")
    op.execute("DROP VIEW public_councils")
    op.execute(_COUNCILS.format(""))
    op.execute("GRANT SELECT ON public_councils TO radslag_public")
    op.drop_constraint("ck_councils_picture_is_described", "councils")
    op.drop_constraint("fk_councils_picture_id_pictures", "councils")
    op.drop_column("councils", "picture_alt")
    op.drop_column("councils", "picture_id")
    op.drop_table("city_face")
    op.drop_table("pictures")


def _open_public_door() -> None:
    op.execute(_COUNCILS.format(", picture_id, picture_alt"))
    op.execute("""
        CREATE VIEW public_face AS
        SELECT authority, contact, colour, logo_id FROM city_face""")
    # Only what is shown somewhere: what was taken away is gone from its address as well.
    op.execute("""
        CREATE VIEW public_pictures AS
        SELECT p.id, encode(p.sha256, 'hex') AS name, p.kind, p.width, p.height, p.body
        FROM pictures p
        WHERE EXISTS (SELECT FROM city_face f WHERE f.logo_id = p.id)
           OR EXISTS (SELECT FROM councils c WHERE c.picture_id = p.id)""")
    op.execute("GRANT SELECT ON public_face, public_pictures TO radslag_public")
