"""Sessions, second factors, and sign-in by the city's own directory.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("staff", sa.Column("directory_issuer", sa.String(), nullable=True))
    op.add_column("staff", sa.Column("directory_subject", sa.String(), nullable=True))
    op.create_unique_constraint(
        op.f("uq_staff_directory_issuer_directory_subject"),
        "staff",
        ["directory_issuer", "directory_subject"],
    )
    op.create_check_constraint(
        op.f("ck_staff_directory_knows_both_or_none"),
        "staff",
        "(directory_issuer IS NULL) = (directory_subject IS NULL)",
    )
    _invitations()
    _sign_in()
    _letters()


def _invitations() -> None:
    for column in (
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("language", sa.String(), server_default="sv", nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    ):
        op.add_column("invitations", column)
    op.create_unique_constraint(op.f("uq_invitations_id"), "invitations", ["id"])
    op.create_foreign_key(
        op.f("fk_invitations_invited_by_staff"), "invitations", "staff", ["invited_by"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_invitations_mailed_to_somebody"),
        "invitations",
        "(nonce IS NULL) = (email IS NULL)",
    )


def _sign_in() -> None:
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("via IN ('password', 'directory')", name=op.f("ck_staff_sessions_via")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_sessions_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
    )
    op.create_index(op.f("ix_staff_sessions_staff_id"), "staff_sessions", ["staff_id"])
    op.create_index(op.f("ix_staff_sessions_begun_at"), "staff_sessions", ["begun_at"])
    op.create_table(
        "second_factors",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_second_factors_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_recovery_codes_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("staff_id", "sha256", name=op.f("uq_recovery_codes_staff_id_sha256")),
    )
    op.create_table(
        "password_resets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_password_resets_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_resets")),
        sa.UniqueConstraint("sha256", name=op.f("uq_password_resets_sha256")),
    )
    op.create_index(op.f("ix_password_resets_staff_id"), "password_resets", ["staff_id"])
    op.create_index(op.f("ix_password_resets_expires_at"), "password_resets", ["expires_at"])
    op.create_table(
        "sign_in_policy",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "second_factor",
            sa.Enum(
                "nobody",
                "admins",
                "all",
                name="second_factor",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sign_in_policy_one_row")),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["staff.id"], name=op.f("fk_sign_in_policy_changed_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_policy")),
    )


def _letters() -> None:
    for column, table in (("invitation_id", "invitations"), ("reset_id", "password_resets")):
        op.add_column("letters", sa.Column(column, sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_letters_{column}_{table}"), "letters", table, [column], ["id"]
        )
        op.create_unique_constraint(op.f(f"uq_letters_{column}"), "letters", [column])
    op.drop_constraint(op.f("ck_letters_about_a_decision_or_a_digest"), "letters")
    op.create_check_constraint(
        op.f("ck_letters_about_one_thing"),
        "letters",
        "num_nonnulls(decision_id, digest_id, invitation_id, reset_id) = 1",
    )


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM letters WHERE num_nonnulls(decision_id, digest_id) = 0")
    op.drop_constraint(op.f("ck_letters_about_one_thing"), "letters")
    op.create_check_constraint(
        op.f("ck_letters_about_a_decision_or_a_digest"),
        "letters",
        "(decision_id IS NULL) <> (digest_id IS NULL)",
    )
    op.drop_column("letters", "invitation_id")
    op.drop_column("letters", "reset_id")
    for table in (
        "sign_in_policy",
        "password_resets",
        "recovery_codes",
        "second_factors",
        "staff_sessions",
    ):
        op.drop_table(table)
    for column in ("created_at", "invited_by", "language", "name", "email", "nonce", "id"):
        op.drop_column("invitations", column)
    op.drop_column("staff", "directory_subject")
    op.drop_column("staff", "directory_issuer")
