"""Taking secrets out of what is about to be written. Pure."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus, urlsplit

from aiocrew.models.endpoint import Endpoint
from aiocrew.models.shown import url_secrets

__all__ = ["Redactor", "secrets_of"]

_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|AUTHORIZATION)S?(?:_|$)"
    r"|(?:^|_)(?:PASS|PWD|PAT|AUTH|JWT|DSN|COOKIE|CREDS?)$"
)
_DIRECTORIES = frozenset({"PWD", "OLDPWD"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_RANDOM = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}")
"""A word that nobody would write: what a key consists of, and no name of a platform."""

# Bounded throughout: a text that a model wrote may not make this take long.
_FIELD = r"(?i:api[_-]?key|secret|passw(?:or)?d|(?:access|auth)[_-]?token|authorization)"
_TOKEN = r"(?=[\w.+/~-]{0,400}\d)[\w.+/~-]{12,4096}={0,2}"
_FIELD_NAME = re.compile(_FIELD + "$")
_FIELD_VALUE = re.compile(_TOKEN)
_SHAPE = re.compile(
    rf"""
    (?P<scheme>\b(?i:bearer|basic)\s{{1,8}})                            {_TOKEN}
  | (?P<field>{_FIELD}\\{{0,3}}["']?\s{{0,4}}[:=]\s{{0,4}}\\{{0,3}}["']?)   {_TOKEN}
  | (?P<user>\b[A-Za-z][A-Za-z0-9+.-]{{1,20}}://[^\s/@:]{{0,200}}:)      [^\s/]{{1,400}}(?=@)
  | \b(?:sk|pk|rk|gsk|xai|pplx|hf|r8|tvly|npm|glpat)[-_]              (?=[\w-]{{0,200}}\d)[\w-]{{16,4096}}
  | \b(?:gh[opusr]_|github_pat_)\w{{20,400}}
  | \bxox[a-z]-[\w-]{{10,400}}
  | \b(?:AKIA|ASIA)[A-Z0-9]{{16}}\b
  | \bAIza[\w-]{{30,60}}
  | \beyJ[\w-]{{8,1000}}\.[\w-]{{8,4096}}\.[\w-]{{8,1000}}
  | -----BEGIN\ [A-Z ]{{0,40}}PRIVATE\ KEY-----.{{0,10000}}?-----END\ [A-Z ]{{0,40}}PRIVATE\ KEY-----
    """,
    re.VERBOSE | re.DOTALL,
)
"""What is a key by its looks, whoever's: where it follows a `scheme`, a `user` or a `field`, that stays."""

_SHORTEST: Final = 8
"""A shorter value stands in texts by chance: "true", "rsa", "12345"."""
_ANY: Final = "api_key"


class Redactor:
    """Puts a name in the place of a value, wherever it occurs: `<OPENAI_API_KEY>`.

    Values are those of environment variables that look secret, by their name (KEY, TOKEN, SECRET, PASSWORD, ... as a
    word of it) or by the value itself, and what is added; as they stand, and as JSON, URLs, base64 and hexadecimal
    digits have them. What looks like a key is taken out of any text, as `<api_key>`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._forms: dict[str, str] = {}
        for name, value in sorted(environment.items()):
            for secret in _secrets_in(name, value):
                self.add(secret, name)

    def add(self, secret: str, name: str, *, shortest: int = _SHORTEST) -> None:
        """Let `secret` be shown as `<name>`, unless it has a name already, or is shorter than `shortest` characters."""
        secret = secret.strip()
        if len(secret) < max(1, shortest) or secret in self._forms:
            return
        forms = {**self._forms, secret: name}
        for form in _forms_of(secret):
            if len(form) >= _SHORTEST:
                forms.setdefault(form, name)
        self._forms = forms  # as a whole: another thread may be reading

    def learn(self, value: Any) -> None:
        """Add what stands in JSON's `value` under a name that looks secret, and looks like a secret itself."""
        for name, held in _named_texts(value):
            if _looks_secret(name) and ("PASS" in name.upper() or _FIELD_VALUE.fullmatch(held)):
                self.add(held, name)

    def clean(self, value: Any) -> Any:
        """Return JSON's `value` without any secret, in names neither. Cleaning it again changes nothing."""
        if isinstance(value, str):
            return self._cleaned(value)
        if isinstance(value, list | tuple):
            return [self.clean(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {self.clean(name): self._field(name, item) for name, item in cast("dict[Any, Any]", value).items()}
        return value

    def _field(self, name: object, value: Any) -> Any:
        # What a tool is given stands in the reply as a text, and in the question as JSON: both are cleaned alike.
        if isinstance(name, str) and isinstance(value, str) and _FIELD_NAME.search(name):
            text = self._without_known(value)
            token = _FIELD_VALUE.match(text)
            return f"<{_ANY}>{_SHAPE.sub(_unshaped, text[token.end() :])}" if token else _SHAPE.sub(_unshaped, text)
        return self.clean(value)

    def _cleaned(self, text: str) -> str:
        return _SHAPE.sub(_unshaped, self._without_known(text))

    def _without_known(self, text: str) -> str:
        forms = self._forms
        found = [form for form in forms if form in text]  # many times faster than a pattern of them all
        if not found:
            return text
        longest_first = sorted(found, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), lambda match: f"<{forms[match[0]]}>", text)


def secrets_of(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Give what proves to a provider who asks, each with the name to show in its place."""
    yield endpoint.key, _ANY
    for name, value in endpoint.headers.items():
        if _looks_secret(name) or _RANDOM.search(value):
            yield value, _ANY
            yield value.partition(" ")[2], _ANY  # without its "Bearer"
    for value in sorted(url_secrets(endpoint.url)):
        yield value, _ANY
    for name, value in _named_texts(endpoint.parameters):  # such as extra_body's
        if _looks_secret(name):
            yield value, name


def _named_texts(value: Any) -> Iterator[tuple[str, str]]:
    """Give every text in JSON's `value` that has a name, with it."""
    if isinstance(value, Mapping):
        for name, held in cast("Mapping[Any, Any]", value).items():
            if isinstance(held, str):
                yield str(name), held
            else:
                yield from _named_texts(held)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from _named_texts(item)


def _looks_secret(name: str) -> bool:
    return _NAME.search(_HUMP.sub("_", name).replace("-", "_").upper()) is not None


def _secrets_in(name: str, value: str) -> Iterator[str]:
    """Give what of an environment variable may be in no file."""
    if name in _DIRECTORIES:
        return
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        password = None
    if password or _looks_secret(name) or (_RANDOM.search(value) and "/" not in value):
        yield value
    if password:
        yield password


def _forms_of(secret: str) -> Iterator[str]:
    """Give how others write `secret` down: in JSON, in JSON inside of JSON, in a URL, in base64, in hexadecimal."""
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
    data = secret.encode("utf-8", "surrogatepass")
    yield quote(data, safe="")
    yield quote(data)
    yield quote_plus(data)
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):  # base64 looks different by what stands before: "user:" in Basic authorization
        padded = bytes(before) + data
        certain = slice(-(-before * 8 // 6), len(padded) * 8 // 6)
        yield b64encode(padded).decode()[certain]
        yield urlsafe_b64encode(padded).decode()[certain]


def _unshaped(found: re.Match[str]) -> str:
    kept = found["scheme"] or found["user"] or found["field"] or ""
    return f"{kept}<{'password' if found['user'] else _ANY}>"
