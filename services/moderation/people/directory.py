"""Signing in through the city's directory: OpenID Connect, code flow with PKCE, state and nonce.

Authlib makes the requests and checks the claims, joserfc the signature. Only asymmetric algorithms
are taken, whatever the directory offers. Its answers are data: no text of theirs reaches a log.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import accounts, roles
from services.moderation.people.account_changes import record_account_change
from services.moderation.people.accounts import AccountError
from services.moderation.people.roles import LastAdministratorError
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Role, Staff

log = logging.getLogger(__name__)

SCOPE = "openid email profile"
TIMEOUT_S = 5
METADATA_LASTS_S = 3600
# How far two clocks may be apart.
LEEWAY_S = 60
_LONGEST_SUBJECT = 255
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")

_metadata: dict[str, tuple[float, dict[str, Any]]] = {}
_keys: dict[str, KeySet] = {}


class DirectoryDownError(Exception):
    """The directory did not answer, or not as one does."""


class RefusedError(Exception):
    """The directory, or what is known here, says no; `reason` is a code without anything personal.

    `denied`, `bad token`, `no address`, `unknown`, `not linked`, `somebody else`, `taken`,
    `closed`, `no role`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what must come back with it."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the directory says this is: who that is, issuer and subject say together.

    `email` is there only when it is to be believed. It `is_proven` when the directory says that it
    has seen the person read mail there: nothing that people can edit opens somebody's account.
    """

    issuer: str
    subject: str
    email: str | None
    is_proven: bool
    name: str
    role: Role | None


def begin_sign_in(settings: Settings, redirect_uri: str) -> Begun:
    """Begin a sign-in. Raises DirectoryDownError."""
    metadata = _discovered(settings.oidc_issuer)
    verifier, nonce = generate_token(48), generate_token(32)
    with _client(settings, metadata, redirect_uri) as client:
        url, state = client.create_authorization_url(
            metadata["authorization_endpoint"],
            state=generate_token(32),
            nonce=nonce,
            code_verifier=verifier,
        )
    return Begun(url, state, nonce, verifier)


def finish_sign_in(
    settings: Settings, begun: Begun, redirect_uri: str, answer: Mapping[str, str]
) -> Identity:
    """Return whom the directory let in. Raises DirectoryDownError or RefusedError.

    `answer` is the query of the address that the browser came back to.
    """
    metadata = _discovered(settings.oidc_issuer)
    # RFC 9207: an answer of another directory is none.
    if answer.get("iss", metadata["issuer"]) != metadata["issuer"]:
        raise RefusedError("bad token")
    if "code" not in answer:
        raise RefusedError("denied")
    with _client(settings, metadata, redirect_uri) as client:
        try:
            token = client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=answer["code"],
                code_verifier=begun.verifier,
                allow_redirects=False,
            )
        except AuthlibBaseError:
            raise RefusedError("denied") from None
        except (requests.RequestException, ValueError, TypeError, AttributeError):
            # No answer, or not one as a directory gives: a list, a number, half a text.
            raise DirectoryDownError from None
    return _identity(settings, _claims(settings, metadata, token, begun.nonce))


def enter_account(session: SqlSession, settings: Settings, identity: Identity) -> Staff:
    """Return the account of the person, linked, made or given its role as the settings say.

    Found by the directory's own id once it is linked; before that by an address that is proven.
    Raises RefusedError.
    """
    if settings.oidc_role_claim and identity.role is None:
        raise RefusedError("no role")
    staff = _find_linked(session, identity)
    if staff is None:
        staff = _linked(session, settings, identity)
    if staff.disabled_at is not None:
        raise RefusedError("closed")
    if identity.role is not None and identity.role is not staff.role:
        try:
            roles.change_role(session, staff, identity.role, by=None)
        except LastAdministratorError:
            log.warning("the last administrator stays one", extra={"staff": str(staff.id)})
    staff.name = staff.name or accounts.checked_name(identity.name[: accounts.MAX_NAME])
    return staff


def link_account(session: SqlSession, staff: Staff, identity: Identity) -> None:
    """Link the account of somebody who is signed in and has asked for it. Raises RefusedError."""
    if staff.directory_subject is not None or _find_linked(session, identity) is not None:
        raise RefusedError("taken")
    _link(session, staff, identity, by=staff.id)


def unlink_account(session: SqlSession, staff: Staff, *, by: UUID) -> bool:
    """Let the directory open an account no more; False where it did not."""
    if staff.directory_subject is None:
        return False
    staff.directory_issuer = staff.directory_subject = None
    record_account_change(session, staff, "staff.directory_unlinked", by=by)
    return True


def _find_linked(session: SqlSession, identity: Identity) -> Staff | None:
    return session.scalar(
        select(Staff).where(
            Staff.directory_issuer == identity.issuer, Staff.directory_subject == identity.subject
        )
    )


def _link(session: SqlSession, staff: Staff, identity: Identity, *, by: UUID | None) -> None:
    staff.directory_issuer, staff.directory_subject = identity.issuer, identity.subject
    record_account_change(session, staff, "staff.directory_linked", by=by)


def _linked(session: SqlSession, settings: Settings, identity: Identity) -> Staff:
    if identity.email is None:
        raise RefusedError("no address")
    staff = accounts.find_account(session, identity.email)
    if staff is None:
        if not settings.oidc_create:
            raise RefusedError("unknown")
        staff = accounts.add_staff(
            session,
            identity.email,
            identity.role or Role.READER,
            None,
            name=identity.name[: accounts.MAX_NAME],
        )
        audit.record_change(
            session,
            by=None,
            action="staff.from_directory",
            subject=("staff", staff.id),
            after={"role": staff.role},
        )
        staff.directory_issuer, staff.directory_subject = identity.issuer, identity.subject
        session.flush()
        return staff
    if staff.directory_subject is not None:
        # An address that was given to a new person opens no old account.
        raise RefusedError("somebody else")
    if staff.disabled_at is not None:
        raise RefusedError("closed")
    if not identity.is_proven:
        raise RefusedError("not linked")
    _link(session, staff, identity, by=None)
    return staff


def _identity(settings: Settings, claims: Mapping[str, Any]) -> Identity:
    email = claims.get(settings.oidc_email_claim)
    # What `email_verified` says, it says of the claim `email` (OpenID Connect Core §5.1).
    is_verified = claims.get("email_verified") in (True, "true")
    is_proven = settings.oidc_email_claim == "email" and is_verified
    believed = settings.oidc_trust_email or is_proven
    try:
        address = accounts.checked_email(email) if isinstance(email, str) and believed else None
    except AccountError:
        address = None
    name = claims.get("name")
    return Identity(
        issuer=settings.oidc_issuer,
        subject=str(claims["sub"]),
        email=address,
        is_proven=is_proven,
        name="".join(filter(str.isprintable, name)) if isinstance(name, str) else "",
        role=_role(settings, claims),
    )


def _role(settings: Settings, claims: Mapping[str, Any]) -> Role | None:
    """Return the highest role that the directory gives."""
    if not settings.oidc_role_claim:
        return None
    # A name with dots may be one claim, or lie inside others.
    given: Any = claims.get(settings.oidc_role_claim)
    if given is None:
        given = claims
        for part in settings.oidc_role_claim.split("."):
            given = given.get(part) if isinstance(given, Mapping) else None
    several = given if isinstance(given, list) else [given]
    names = {name for name in several if isinstance(name, str)}
    found = [role for role in Role if settings.oidc_roles.get(role.value) in names]
    return found[-1] if found else None


def _claims(
    settings: Settings, metadata: Mapping[str, Any], token: object, nonce: str
) -> Mapping[str, Any]:
    if not isinstance(token, Mapping):
        raise RefusedError("bad token")
    try:
        decoded = _decoded(metadata, str(token.get("id_token") or ""))
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": metadata["issuer"]},
                "aud": {"essential": True, "value": settings.oidc_client_id},
            },
            {
                "nonce": nonce,
                "client_id": settings.oidc_client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(now=int(utcnow().timestamp()), leeway=LEEWAY_S)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError("bad token") from None
    if not _is_subject(claims.get("sub")):
        raise RefusedError("bad token")
    return dict(claims)


def _is_subject(said: object) -> bool:
    """Whether this names somebody (OpenID Connect Core §2): a short word, or a number."""
    if isinstance(said, bool) or not isinstance(said, str | int):
        return False
    return 0 < len(str(said)) <= _LONGEST_SUBJECT and str(said).isprintable()


def _decoded(metadata: Mapping[str, Any], id_token: str) -> jwt.Token:
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    uri = metadata["jwks_uri"]
    if uri in _keys:
        # If the key is not among these, the directory has new ones.
        with suppress(InvalidKeyIdError):
            return jwt.decode(id_token, _keys[uri], registry=registry)
    _keys[uri] = KeySet.import_key_set(_fetched(uri))
    return jwt.decode(id_token, _keys[uri], registry=registry)


def _discovered(issuer: str) -> dict[str, Any]:
    """Return what the directory says of itself, asked once an hour. Raises DirectoryDownError."""
    at, known = _metadata.get(issuer, (0.0, {}))
    if known and time.monotonic() - at < METADATA_LASTS_S:
        return known
    metadata: dict[str, Any] = _fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    needed = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"}
    if metadata.get("issuer") != issuer or not needed <= set(metadata):
        log.warning("the directory describes itself as another, or not at all")
        raise DirectoryDownError
    _metadata[issuer] = (time.monotonic(), metadata)
    _keys.pop(metadata["jwks_uri"], None)  # a key that was taken back must not count for ever
    return metadata


def _fetched(url: str) -> Any:
    try:
        answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError):
        raise DirectoryDownError from None
    if not isinstance(found, dict):
        raise DirectoryDownError
    return found


def _client(settings: Settings, metadata: Mapping[str, Any], redirect_uri: str) -> OAuth2Session:
    # In the body a secret may hold any character; in the header libraries differ (RFC 6749 §2.3.1).
    supported = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    method = "client_secret_post" if "client_secret_post" in supported else "client_secret_basic"
    return OAuth2Session(
        settings.oidc_client_id,
        settings.oidc_client_secret or None,
        token_endpoint_auth_method=method if settings.oidc_client_secret else "none",
        scope=SCOPE,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        default_timeout=TIMEOUT_S,
    )
