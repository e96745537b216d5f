"""A small OpenID provider, run as a process of its own; `POST /control` bends what it says.

It speaks OpenID Connect Core (authorization code with PKCE, client_secret_basic), Discovery, RP-Initiated and
Back-Channel Logout. Everybody is signed in at once, as whom `/control` said last.
"""

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT_ID, CLIENT_SECRET = "sagittal", "client canary"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class State:
    """What the provider says, and what it has seen."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "248289761001", "preferred_username": "jo", "name": "Jo Doe"}
        self.bent: dict[str, Any] = {}  # claims of the ID token that are as they should not be
        self.userinfo: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.access_token = secrets.token_urlsafe()
        self.keys_fetched = 0
        self.rotate()

    def rotate(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig", "alg": "ES256"})


class Handler(BaseHTTPRequestHandler):
    state: State
    issuer: str
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        if url.path == "/.well-known/openid-configuration":
            self.answer(self.configuration())
        elif url.path == "/keys":
            self.state.keys_fetched += 1
            self.answer({"keys": [self.state.key.as_dict(private=False)]})
        elif url.path == "/authorize":
            self.authorize(query)
        elif url.path == "/userinfo":
            is_known = self.headers.get("Authorization") == f"Bearer {self.state.access_token}"
            self.answer(self.state.userinfo if is_known else {}, 200 if is_known else 401)
        elif url.path == "/endless":
            self.answer({"x": "x" * 3_000_000})
        else:
            self.answer({"keys_fetched": self.state.keys_fetched})

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end-session",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            "claims_supported": ["sub"],
        }

    def authorize(self, query: dict[str, str]) -> None:
        wanted = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        if any(query.get(name) != value for name, value in wanted.items()) or "openid" not in query["scope"].split():
            self.answer({"error": "invalid_request"}, 400)
            return
        code = secrets.token_urlsafe()
        self.state.codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{back}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/token":
            self.token({name: values[0] for name, values in parse_qs(body.decode()).items()})
        elif self.path == "/rotate":
            self.state.rotate()
            self.answer({})
        elif self.path == "/logout-token":
            now = int(time.time())
            claims = {
                "iss": self.issuer,
                "aud": CLIENT_ID,
                "iat": now,
                "exp": now + 60,
                "jti": "1",
                "events": {EVENT: {}},
            }
            self.answer({"token": self.signed({**claims, **json.loads(body)}, {"typ": "logout+jwt"})})
        else:
            for name, value in json.loads(body).items():
                setattr(self.state, name, value)
            self.answer({})

    def token(self, said: dict[str, str]) -> None:
        asked = self.state.codes.pop(said.get("code", ""), None)
        wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.answer({"error": "invalid_client"}, 401)
            return
        digest = hashlib.sha256(said.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != said.get("redirect_uri"):
            self.answer({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.state.claims
        id_token = self.signed({**claims, **self.state.bent}, self.state.header)
        self.answer({"access_token": self.state.access_token, "token_type": "Bearer", "id_token": id_token})

    def signed(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "ES256", "kid": self.state.key.kid, **header}
        if header["alg"] == "none":
            parts = [json.dumps(part).encode() for part in (header, claims)]
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        return jwt.encode(header, claims, self.state.key)

    def answer(self, said: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class OpenIDProvider:
    """A running provider, as a test talks to it."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def bend(self, **how: object) -> None:
        """Has it say something else: `claims`, `bent`, `userinfo`, `header`."""
        httpx2.post(f"{self.issuer}/control", json=how).raise_for_status()

    def rotate(self) -> None:
        """Has it sign with another key, and show no other."""
        httpx2.post(f"{self.issuer}/rotate").raise_for_status()

    def logout_token(self, **claims: object) -> str:
        return str(httpx2.post(f"{self.issuer}/logout-token", json=claims).json()["token"])

    def keys_fetched(self) -> int:
        return int(httpx2.get(f"{self.issuer}/control").json()["keys_fetched"])

    def browse(self, url: str) -> dict[str, str]:
        """Goes where a browser is sent, and gives the query it is sent back with."""
        answer = httpx2.get(url)
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@contextmanager
def openid_provider() -> Iterator[OpenIDProvider]:
    """A provider on a free port, as a process."""
    command = [sys.executable, "-m", "support.openid_provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_tests()) as process:
        try:
            assert process.stdout is not None
            yield OpenIDProvider(process.stdout.readline().strip())
        finally:
            process.terminate()


def _tests() -> str:
    from pathlib import Path

    return str(Path(__file__).resolve().parents[1])


def main() -> None:
    Handler.state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.issuer = f"http://127.0.0.1:{server.server_port}"
    print(Handler.issuer, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
