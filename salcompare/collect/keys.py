"""The study's secret: what worker ids are hashed with and what tokens and cookies are signed with.

It stands in a file of its own, so that the database alone names nobody: without the key a pseudonym cannot be tied
to a worker id, and once collection is over the key can be deleted for good.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import time
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from salcompare.collect.database import private
from salcompare.errors import InputError, Problem

KEY = Path("data/collected/key")
"""Where a study keeps its key."""
_BYTES = 32
SESSION_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Keys:
    """A study's secret, and what is derived from it, each purpose with a key of its own."""

    secret: bytes = field(repr=False)

    def derived(self, purpose: str) -> str:
        """Give the key for one purpose, 64 hex digits."""
        return hmac.new(self.secret, purpose.encode(), hashlib.sha256).hexdigest()

    def hashed(self, worker: str) -> str:
        """Hash a worker id, 64 hex digits; blanks around it and its Unicode form do not count."""
        return self._mac("worker", unicodedata.normalize("NFC", worker.strip()))

    def completion_code(self, worker_hmac: str) -> str:
        """Give a worker's own completion code."""
        return self._mac("completion", worker_hmac)[:8].upper()

    def opaque(self, image: str) -> str:
        """Give an image's id on the monitor, which tells nothing of its name."""
        return self._mac("monitor image", image)[:24]

    def csrf(self, nonce: str) -> str:
        """Give the token that a session's forms must carry."""
        return self._mac("csrf", nonce)

    @cached_property
    def monitor_token(self) -> str:
        """What opens the monitor's page."""
        return self.derived("monitor")[:32]

    def trial_token(self, assignment: int, expires: int) -> str:
        """Sign a lease: the same one as long as the lease stands, so that a reload changes nothing."""
        return str(self._trials.dumps([assignment, expires]))

    def read_trial_token(self, token: str) -> tuple[int, int] | None:
        """Give a token's assignment and end of lease (seconds since 1970), or None if it is not one of ours."""
        try:
            assignment, expires = self._trials.loads(token)
        except (BadData, UnicodeEncodeError):  # half of a surrogate pair
            return None
        return int(assignment), int(expires)

    def session(self, worker_hmac: str, source: str) -> str:
        """Sign a new session's cookie."""
        return str(self._sessions.dumps([worker_hmac, source, secrets.token_urlsafe(12)]))

    def read_session(self, cookie: str) -> tuple[str, str, str] | None:
        """Give a cookie's worker, source and nonce, or None if it is not ours or too old."""
        try:
            (worker, source, nonce), signed = self._sessions.loads(cookie, return_timestamp=True)
        except BadData:
            return None
        if time.time() - signed.timestamp() > SESSION_SECONDS:  # below 0 where the clock has stepped back
            return None
        return str(worker), str(source), str(nonce)

    @cached_property
    def _trials(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.derived("trial"), salt="trial")

    @cached_property
    def _sessions(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.derived("session"), salt="session")

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(self.derived(purpose).encode(), text.encode(), hashlib.sha256).hexdigest()


def pseudonym(worker_hmac: str) -> str:
    """Name a worker in exported tables."""
    return f"w{worker_hmac[:16]}"


def same_text(one: str, other: str) -> bool:
    """Compare two tokens in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def study_keys(root: Path) -> Keys:
    """Read a study's key, or make one that only its owner may read."""
    path = root / KEY
    private(path.parent)
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_hex(_BYTES).encode())
            stream.flush()
            os.fsync(stream.fileno())
    return _existing(path)


def existing_keys(root: Path) -> Keys | None:
    """Read a study's key; None if it was deleted, as it may be once collection is over."""
    return _existing(root / KEY) if (root / KEY).exists() else None


def _existing(path: Path) -> Keys:
    """Read a key, and refuse one that others may read, and what is none."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise InputError(Problem(str(path), "may be read by others", "mode 0600", f"run: chmod 600 {path}"))
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise InputError(Problem(str(path), "is not a key", f"{2 * _BYTES} hex digits", "put the right one back; with "
                                 "another, workers who return would count as new"))
    return Keys(secret)
