"""What a database must have beside its tables: roles, and what each may do.

Roles belong to the server, not to the database: a dump that is restored into another server brings
the tables and leaves the roles behind, and with them what was granted to them. So `radslag migrate`
looks at all of it each time, and mends what is not as it is written here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

PUBLIC_ROLE = "radslag_public"
# All that the public pages read; nobody reads more under this role.
PUBLIC_VIEWS = (
    "public_councils",
    "public_departures",
    "public_embeds",
    "public_face",
    "public_ideas",
    "public_pictures",
    "public_rules",
    "public_spent_keys",
    "public_traces",
    "public_versions",
    "public_yearly_numbers",
)
# Roles as which the processes work where we run the server ourselves, or where they were given one.
# None owns a table: no process can change the schema, empty a table, or take a seal away.
SUBMISSION_ROLE = "radslag_submission"
MODERATION_ROLE = "radslag_moderation"
NOTIFY_ROLE = "radslag_notify"

_NOTHING: frozenset[str] = frozenset()
_READ = frozenset({"SELECT"})
_WRITE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_DRAW = frozenset({"USAGE", "SELECT"})
_OF_SIGNING_IN = frozenset(
    {
        *("staff_sessions", "second_factors", "passkeys", "recovery_codes"),
        *("login_attempts", "sign_in_policy"),
    }
)
# What migrations alone write.
_OF_MIGRATIONS = frozenset({"alembic_version", "served_code"})


@dataclass(frozen=True, slots=True)
class Service:
    """What a service may not: tables that it cannot see, and those that it can only read."""

    closed: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    # Of a closed table it may read these columns.
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rights_on(self, table: str, kind: str) -> frozenset[str]:
        """Return what it may do with a table, a view ("v") or a sequence ("S")."""
        if table in self.closed:
            return _NOTHING
        if kind == "S":
            return _DRAW
        if kind == "v" or table in self.read_only | _OF_MIGRATIONS:
            return _READ
        return _WRITE


SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        SUBMISSION_ROLE: Service(
            closed=_OF_SIGNING_IN
            | {"staff", "invitations", "password_resets"}
            | {"audit_log", "access_log", "saved_filters"}
            | {"answer_templates", "duty_shifts", "duty_covers", "leases"}
            | {"samples", "sample_shares", "sampling"}
            | {"imports", "import_lines"},
            read_only=frozenset(
                {"decisions", "rules", "official_answers", "webhooks", "word_lists", "models"}
                # How often something was refused is a number for operators.
                | {"security_events"}
                # Made at the desk; no hole in the public web makes one, or gives one more rights.
                | {"api_tokens"}
            ),
            # In which language a page speaks to whoever leaves the digest.
            columns={"staff": ("id", "language")},
        ),
        MODERATION_ROLE: Service(),
        NOTIFY_ROLE: Service(
            closed=_OF_SIGNING_IN
            | {"originals", "access_log", "idempotency_keys", "slips"}
            | {"agreements", "imports", "import_lines", "api_tokens", "api_token_uses"},
            read_only=frozenset({"decisions", "rules", "idea_texts", "official_answers"}),
        ),
    }
)

# Whose pages are read as the public; the desk's letters show what the public sees of the city.
_READ_AS_PUBLIC = (SUBMISSION_ROLE, MODERATION_ROLE)


class GrantsError(Exception):
    """Something is missing that this user may not make; the text is a sentence that says what."""


_FIND_ROLE = text("""
    SELECT rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
           AS can_do_more
    FROM pg_roles WHERE rolname = :role""")
_MAY_BECOME = text("SELECT pg_has_role(current_user, :role, 'SET')")
_MAY_USE = text("SELECT has_schema_privilege(:role, 'public', 'USAGE')")
_HELD = text("""
    SELECT c.relname, c.relkind::text,
           array(SELECT a.privilege_type FROM aclexplode(c.relacl) a
                 WHERE a.grantee = to_regrole(:role))
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S')
    ORDER BY c.relname""")
_HAS_COLUMNS = text("""
    SELECT bool_and(has_column_privilege(:role, :table, name, 'SELECT'))
    FROM unnest(CAST(:columns AS text[])) name""")
_MAY_MAKE_ROLES = text("""
    SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user""")
_IS_MEMBER = text("SELECT pg_has_role(:role, :other, 'SET')")
_OTHERS_OWN = text("""
    SELECT DISTINCT CAST(relowner AS regrole)::text
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S')
      AND NOT pg_has_role(current_user, relowner, 'USAGE')""")
_GONE = text("""
    SELECT wanted FROM unnest(CAST(:tables AS text[])) wanted
    WHERE to_regclass(wanted) IS NULL ORDER BY wanted""")
_UNREADABLE = text("""
    SELECT view FROM unnest(CAST(:views AS text[])) view
    WHERE NOT coalesce(has_table_privilege(to_regclass(view), 'SELECT'), false) ORDER BY view""")


def mend_grants(connection: Connection) -> list[str]:
    """Make the roles and grants what they must be; return what was mended, a line each.

    Raises GrantsError when this user may not.
    """
    owners = connection.scalars(_OTHERS_OWN).all()
    if owners:
        raise GrantsError(
            f"Tables belong to {', '.join(owners)}, not to the user that Rådslag connects as: "
            f"restore the dump as that user (pg_restore --no-owner), or change who owns them."
        )
    gone = connection.scalars(_GONE, {"tables": list(PUBLIC_VIEWS)}).all()
    if gone:
        raise GrantsError(
            f"The schema lacks {', '.join(gone)}: restore the dump into an empty database again, "
            f"and see why it ends with errors."
        )
    mended = _mend_role(connection, PUBLIC_ROLE)
    wanted = dict.fromkeys(PUBLIC_VIEWS, _READ)
    mended += _mend_rights(
        connection, PUBLIC_ROLE, lambda table, _kind: wanted.get(table, _NOTHING)
    )
    for role, service in SERVICES.items():
        if _is_there(connection, role) or connection.scalar(_MAY_MAKE_ROLES):
            mended += _mend_service(connection, role, service)
    return mended


def _mend_service(connection: Connection, role: str, service: Service) -> list[str]:
    mended = _mend_role(connection, role, login=True)
    mended += _mend_rights(connection, role, service.rights_on)
    for table, columns in service.columns.items():
        asked = {"role": role, "table": table, "columns": list(columns)}
        if not connection.scalar(_HAS_COLUMNS, asked):
            _run(connection, f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {role}", mended)
    if role in _READ_AS_PUBLIC and not connection.scalar(
        _IS_MEMBER, {"role": role, "other": PUBLIC_ROLE}
    ):
        _run(connection, f"GRANT {PUBLIC_ROLE} TO {role}", mended)
    return mended


def _mend_rights(
    connection: Connection, role: str, rights_on: Callable[[str, str], frozenset[str]]
) -> list[str]:
    """Give and take what differs, one statement for all tables that want the same."""
    changes: dict[tuple[str, str, frozenset[str]], list[str]] = {}
    for table, kind, privileges in connection.execute(_HELD, {"role": role}):
        wanted, held = rights_on(table, kind), frozenset(privileges)
        what = "SEQUENCE " if kind == "S" else ""
        if wanted - held:
            changes.setdefault(("GRANT", what, wanted - held), []).append(table)
        if held - wanted:
            changes.setdefault(("REVOKE", what, held - wanted), []).append(table)
    mended: list[str] = []
    for (verb, what, privileges), tables in changes.items():
        whom = f"{'TO' if verb == 'GRANT' else 'FROM'} {role}"
        statement = f"{verb} {', '.join(sorted(privileges))} ON {what}{', '.join(tables)} {whom}"
        _run(connection, statement, mended)
    return mended


def _is_there(connection: Connection, role: str) -> bool:
    return connection.scalar(_FIND_ROLE, {"role": role}) is not None


def find_unreadable_views(connection: Connection) -> list[str]:
    """Return the public views that whoever is connected here cannot read."""
    return list(connection.scalars(_UNREADABLE, {"views": list(PUBLIC_VIEWS)}))


def _mend_role(connection: Connection, role: str, *, login: bool = False) -> list[str]:
    mended: list[str] = []
    signs_in = "LOGIN" if login else "NOLOGIN"
    found = connection.execute(_FIND_ROLE, {"role": role}).one_or_none()
    if found is None:
        _run(connection, f"CREATE ROLE {role} {signs_in}", mended, ask=_UNLESS_THERE)
    elif found.can_do_more or found.rolcanlogin != login:
        nothing = "NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS"
        _run(connection, f"ALTER ROLE {role} {nothing} {signs_in}", mended)
    if not login and not connection.scalar(_MAY_BECOME, {"role": role}):
        us = connection.scalar(text("SELECT quote_ident(current_user)"))
        _run(connection, f"GRANT {role} TO {us}", mended)
    if not connection.scalar(_MAY_USE, {"role": role}):
        _run(connection, f"GRANT USAGE ON SCHEMA public TO {role}", mended)
    return mended


# Another database of this server may make it at the same moment.
_UNLESS_THERE = (
    "DO $$ BEGIN {}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
)


def _run(connection: Connection, statement: str, mended: list[str], *, ask: str = "{}") -> None:
    try:
        connection.exec_driver_sql(ask.format(statement))
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise GrantsError(
            f"The database lacks something that this user may not make: run `{statement}` as an "
            f"administrator of the server, then `radslag migrate` again."
        ) from None
    mended.append(statement)
