"""What a database must have beside its tables: roles, and what each may do.

Roles belong to the server, not to the database: a dump that is restored into another server brings
the tables and leaves the roles behind, and with them what was granted to them. So `radslag migrate`
looks at all of it each time, and mends what is not as it is written here.
"""

from collections.abc import Mapping
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
# Role → table or view → what it may do with it. Roles that are not named here are left alone.
GRANTS: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {PUBLIC_ROLE: MappingProxyType({view: frozenset({"SELECT"}) for view in PUBLIC_VIEWS})}
)


class GrantsError(Exception):
    """Something is missing that this user may not make; the text is a sentence that says what."""


_FIND_ROLE = text("""
    SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication OR rolbypassrls
    FROM pg_roles WHERE rolname = :role""")
_MAY_BECOME = text("SELECT pg_has_role(current_user, :role, 'SET')")
_MAY_USE = text("SELECT has_schema_privilege(:role, 'public', 'USAGE')")
_HELD = text("""
    SELECT c.relname, a.privilege_type
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S')
      AND a.grantee = CAST(CAST(:role AS text) AS regrole)""")
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
    missing_views = connection.scalars(_GONE, {"tables": sorted(set().union(*GRANTS.values()))})
    if gone := missing_views.all():
        raise GrantsError(
            f"The schema lacks {', '.join(gone)}: restore the dump into an empty database again, "
            f"and see why it ends with errors."
        )
    mended: list[str] = []
    for role, wanted in GRANTS.items():
        mended += _mend_role(connection, role)
        held: dict[str, set[str]] = {}
        for table, privilege in connection.execute(_HELD, {"role": role}):
            held.setdefault(table, set()).add(privilege)
        for table in sorted(wanted.keys() | held):
            missing = wanted.get(table, frozenset()) - held.get(table, set())
            too_much = held.get(table, set()) - wanted.get(table, frozenset())
            for privilege in sorted(missing):
                _run(connection, f"GRANT {privilege} ON {table} TO {role}", mended)
            for privilege in sorted(too_much):
                _run(connection, f"REVOKE {privilege} ON {table} FROM {role}", mended)
    return mended


def find_unreadable_views(connection: Connection) -> list[str]:
    """Return the public views that whoever is connected here cannot read."""
    return list(connection.scalars(_UNREADABLE, {"views": list(PUBLIC_VIEWS)}))


def _mend_role(connection: Connection, role: str) -> list[str]:
    mended: list[str] = []
    can_do_more = connection.scalar(_FIND_ROLE, {"role": role})
    if can_do_more is None:
        _run(connection, f"CREATE ROLE {role} NOLOGIN", mended)
    elif can_do_more:
        nothing = "NOSUPERUSER NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS"
        _run(connection, f"ALTER ROLE {role} {nothing}", mended)
    if not connection.scalar(_MAY_BECOME, {"role": role}):
        us = connection.scalar(text("SELECT quote_ident(current_user)"))
        _run(connection, f"GRANT {role} TO {us}", mended)
    if not connection.scalar(_MAY_USE, {"role": role}):
        _run(connection, f"GRANT USAGE ON SCHEMA public TO {role}", mended)
    return mended


def _run(connection: Connection, statement: str, mended: list[str]) -> None:
    try:
        connection.execute(text(statement))
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise GrantsError(
            f"The database lacks something that this user may not make: run `{statement}` as an "
            f"administrator of the server, then `radslag migrate` again."
        ) from None
    mended.append(statement)
