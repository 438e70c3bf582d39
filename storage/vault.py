"""A data key for each person; seal and open. Pure: no database, no files but the key file.

Sealed bytes: one byte of format, a random 96-bit nonce, AES-256-GCM ciphertext with its tag. The place a value
is kept at is bound as associated data, so that a ciphertext moved elsewhere does not open. The operator's key is
never used itself: HKDF-SHA256 gives a key for each purpose.
"""

import base64
import binascii
import contextlib
import errno
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from storage.errors import BadKey, DataUnusable, KeyFileExposed, Unreadable

KEY_BYTES = 32
NONCE_BYTES = 12  # what NIST SP 800-38D recommends for GCM
FORMAT = b"\x01"
BUTTONS_LAST = 90 * 86_400.0  # seconds for which a button works on after the keys were changed
_SECRETS = "facts/secrets"


class _Sealer:
    """AES-256-GCM under one key."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, place: str, data: bytes) -> bytes:
        """Sealed for that place."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._aead.encrypt(nonce, data, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """What was sealed for that place under this key. Raises Unreadable."""
        if sealed[:1] != FORMAT:
            raise Unreadable("sealed bytes of an unknown format")
        try:
            return self._aead.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], place.encode())
        except (InvalidTag, ValueError):
            raise Unreadable("sealed bytes were changed, moved, or sealed under another key") from None


class PersonKey(_Sealer):
    """One person's key: without it, nothing of his can be read."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._raw = raw

    def __repr__(self) -> str:
        return "PersonKey(...)"


class OperatorKey:
    """The operator's 32 bytes, as text in base64url."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise BadKey(f"the operator's key must be {KEY_BYTES} bytes, and this one has {len(raw)}")
        self._raw = raw

    def __repr__(self) -> str:
        return "OperatorKey(...)"

    @classmethod
    def generate(cls) -> "OperatorKey":
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> "OperatorKey":
        """Raises BadKey; never repeats the text."""
        stripped = text.strip()
        try:
            raw = base64.b64decode(stripped + "=" * (-len(stripped) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise BadKey("the operator's key is not base64url; make one with: intake key new") from None
        return cls(raw)

    @classmethod
    def from_file(cls, path: Path, *, create: bool) -> "OperatorKey":
        """The key in a file that only its owner can read. Raises BadKey, KeyFileExposed, DataUnusable."""
        try:
            if create and not path.exists():
                return cls.create(path)
            mode = path.stat().st_mode
            if mode & 0o077:
                raise KeyFileExposed(f"others may read the key file {path}; cure: chmod 600 {path}")
            return cls.from_text(path.read_text(encoding="ascii"))
        except UnicodeDecodeError:
            raise BadKey(f"the key file {path} holds no key; make one with: intake key new") from None
        except OSError as error:
            raise DataUnusable(f"the key file {path} cannot be used: {error.strerror}") from error

    @classmethod
    def create(cls, path: Path) -> "OperatorKey":
        """A new key in a new file, mode 0600: whole, or not there. Raises FileExistsError rather than overwrite."""
        key = cls.generate()
        if path.parent.exists() and not path.parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(file, "w", encoding="ascii") as out:
                out.write(key.text() + "\n")
                out.flush()
                os.fsync(out.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
        sync(path.parent)
        return key

    def text(self) -> str:
        return in_base64url(self._raw)

    def derive(self, purpose: str) -> bytes:
        """A key of its own for each purpose (RFC 5869)."""
        return HKDF(
            algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"intake/{purpose}".encode()
        ).derive(self._raw)


class Vault:
    """What the operator's key is for: wrapping people's keys, keyed hashes, sealing what is nobody's.

    While one key gives way to another, it seals with the new one and opens with either. The keys for hashes, buttons
    and receipts are derived from the first operator's key of a data folder; from its first change on they are kept
    sealed with the data (`secrets`), since what they were used for cannot be made anew.
    """

    __slots__ = ("_lookup", "_own", "_wrapping", "button_keys", "fingerprint", "signing")

    def __init__(self, key: OperatorKey) -> None:
        self._own = [_Sealer(key.derive("operator"))]  # the one that seals comes first
        self._wrapping = [_Sealer(key.derive("wrap"))]
        self._lookup = key.derive("lookup")
        self.button_keys = ButtonKeys(key.derive("buttons"))
        self.signing = SigningKey(key.derive("receipts"))
        self.fingerprint = fingerprint(key)

    def __repr__(self) -> str:
        return f"Vault({self.fingerprint})"

    def seal(self, place: str, data: bytes) -> bytes:
        return self._own[0].seal(place, data)

    def open(self, place: str, sealed: bytes) -> bytes:
        """Raises Unreadable."""
        return _opened(self._own, place, sealed)

    def new_person_key(self) -> PersonKey:
        return PersonKey(AESGCM.generate_key(256))

    def wrap(self, person_id: str, key: PersonKey) -> bytes:
        return self._wrapping[0].seal(_key_place(person_id), key._raw)

    def unwrap(self, person_id: str, wrapped: bytes) -> PersonKey:
        """Raises Unreadable when it is another person's, or was wrapped by another operator's key."""
        return PersonKey(_opened(self._wrapping, _key_place(person_id), wrapped))

    def lookup(self, kind: str, value: str) -> str:
        """A keyed hash by which equality can be searched: 32 hexadecimal digits."""
        return hmac.digest(self._lookup, f"{kind}\n{value}".encode(), hashlib.sha256)[:16].hex()

    # when the key changes

    def take(self, key: OperatorKey) -> None:
        """Seal with this key from now on, and go on opening what the one before has sealed."""
        self._own.insert(0, _Sealer(key.derive("operator")))
        self._wrapping.insert(0, _Sealer(key.derive("wrap")))
        self.fingerprint = fingerprint(key)

    def resealed(self, place: str, sealed: bytes) -> bytes:
        return self.seal(place, self.open(place, sealed))

    def rewrapped(self, person_id: str, wrapped: bytes) -> bytes:
        return self.wrap(person_id, self.unwrap(person_id, wrapped))

    def secrets(self, buttons: "ButtonKeys") -> str:
        """The keys for hashes, buttons and receipts, sealed, as text."""
        kept = {"lookup": self._lookup.hex(), "buttons": buttons.kept(), "receipts": self.signing.kept()}
        return self.seal(_SECRETS, json.dumps(kept).encode()).hex()

    def take_secrets(self, sealed: str) -> None:
        """Those that `secrets` gave. Raises Unreadable.

        An earlier version kept none for receipts: it is derived from the present operator's key then, and kept from
        the next change on.
        """
        kept = json.loads(self.open(_SECRETS, bytes.fromhex(sealed)))
        self._lookup = bytes.fromhex(kept["lookup"])
        self.button_keys.become(ButtonKeys.of(kept["buttons"]))
        if "receipts" in kept:
            self.signing = SigningKey(bytes.fromhex(kept["receipts"]))


class SigningKey:
    """The key that receipts are signed with (Ed25519, RFC 8032): one for a data folder, as long as there is one."""

    __slots__ = ("_seed",)

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def __repr__(self) -> str:
        return "SigningKey(...)"

    @property
    def public(self) -> str:
        """What others verify with: 32 bytes in base64url."""
        key = Ed25519PrivateKey.from_private_bytes(self._seed).public_key()
        return in_base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, data: bytes) -> str:
        """The signature: 64 bytes in base64url."""
        return in_base64url(Ed25519PrivateKey.from_private_bytes(self._seed).sign(data))

    def kept(self) -> str:
        return self._seed.hex()


def is_signed(data: bytes, signature: str, public: str) -> bool:
    """Whether that key has signed these bytes. Key and signature are taken in their one right spelling only."""
    raw_key, raw_signature = from_base64url(public, 32), from_base64url(signature, 64)
    if raw_key is None or raw_signature is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw_key).verify(raw_signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def in_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_base64url(text: str, length: int) -> bytes | None:
    """So many bytes; None when it is anything else, or spelled in another way than `in_base64url` does."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == length and in_base64url(raw) == text else None


class ButtonKeys:
    """The key buttons are signed with, and those before it, with which they still verify for a while."""

    __slots__ = ("_before", "_key")

    def __init__(self, key: bytes, before: Sequence[tuple[bytes, float]] = ()) -> None:
        self._key = key
        self._before = list(before)  # with when it ends, in unix time

    def __repr__(self) -> str:
        return "ButtonKeys(...)"

    @property
    def signing(self) -> bytes:
        return self._key

    def verifying(self, now: float) -> list[bytes]:
        """All that a press may have been signed with."""
        return [self._key, *(key for key, until in self._before if until > now)]

    def renewed(self, now: float) -> "ButtonKeys":
        """With a new one to sign; that so far verifies for 90 days more."""
        before = [(self._key, now + BUTTONS_LAST), *(one for one in self._before if one[1] > now)]
        return ButtonKeys(secrets.token_bytes(KEY_BYTES), before)

    def become(self, other: "ButtonKeys") -> None:
        self._key, self._before = other._key, other._before

    def kept(self) -> list[tuple[str, float]]:
        return [(self._key.hex(), 0.0), *((key.hex(), until) for key, until in self._before)]

    @classmethod
    def of(cls, kept: Sequence[tuple[str, float]]) -> "ButtonKeys":
        (key, _), *before = kept
        return cls(bytes.fromhex(key), [(bytes.fromhex(one), until) for one, until in before])


def sync(folder: Path) -> None:
    """What was named, renamed or removed there outlasts a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def fingerprint(key: OperatorKey) -> str:
    """By which a key is known, and which tells nothing of it: 16 hexadecimal digits."""
    return hashlib.sha256(key.derive("fingerprint")).hexdigest()[:16]


def _opened(sealers: Sequence[_Sealer], place: str, sealed: bytes) -> bytes:
    for sealer in sealers[:-1]:
        with contextlib.suppress(Unreadable):
            return sealer.open(place, sealed)
    return sealers[-1].open(place, sealed)


def _key_place(person_id: str) -> str:
    return f"keys/{person_id}"
