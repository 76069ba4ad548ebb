"""A small real identity provider on loopback: discovery, keys, authorize and token, RS256, PKCE.

It checks what a strict one checks, and lies where a test tells it to.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "radslag-desk", "en hemlighet: för prov & annat"


@dataclass
class IdentityProvider:
    """Who signs in next is `claims`; `forge` makes a false token out of the true claims."""

    issuer: str
    key: RSAKey = field(default_factory=lambda: new_key("one"))
    claims: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[dict[str, Any]], str] | None = None
    is_down: bool = False
    client_auth: list[str] = field(
        default_factory=lambda: ["client_secret_basic", "client_secret_post"]
    )
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, path: str, form: dict[str, str], auth: str) -> tuple[int, Any]:
        """Answer what the desk asks, as JSON."""
        if self.is_down:
            return 503, {}
        if path.endswith("/.well-known/openid-configuration"):
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "token_endpoint_auth_methods_supported": self.client_auth,
            }
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        return self.token(form, auth) if path == "/token" else (404, {})

    def authorize(self, url: str) -> str:
        """Do what the person does at the provider's page; return the address they come back to."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return f"{asked['redirect_uri']}?{query}"

    def token(self, form: dict[str, str], auth: str) -> tuple[int, Any]:
        """Give tokens for a code: once, to the client that proves who it is and what it began."""
        asked = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            known = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode("latin-1")).decode()
            if self.client_auth != ["client_secret_basic"] or auth != known:
                return 401, {"error": "invalid_client"}
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        id_token = self.forge(claims) if self.forge else self.signed(claims)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": id_token}

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign claims with the provider's own key."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


def new_key(kid: str) -> RSAKey:
    """Return a new key of the provider."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@contextmanager
def running(port: int) -> Iterator[IdentityProvider]:
    """Run a provider."""
    provider = IdentityProvider(f"http://127.0.0.1:{port}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            auth = self.headers.get("Authorization", "")
            status, found = provider.answer(urlsplit(self.path).path, form, auth)
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
