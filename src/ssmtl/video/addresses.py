"""Addresses of cameras, databases and receivers, told without their passwords."""

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"

_SCHEME = re.compile(r"([A-Za-z][\w+.-]*://)")
_SECRET_NAME = r"[\w.-]*(?:pas|pwd|psw|pw|token|secret|key|auth|sig|signature|credential)[\w.-]*"
_SECRET_FIELD = re.compile(rf"(?i)((?:^|[?&;#/_,])(?:{_SECRET_NAME})=)[^&;#\s]*")
_BARE = re.compile(r"(?<![\w%+.-])([\w%+.-]+):[^\s@/]+@(?=[\w\[])")
"""user:password@host without a scheme, or with one that was mistyped."""
# Of these the user's name is no secret; of others, such as https, it may be a token.
_NAMED_USERS = ("postgres", "mqtt", "sqlite", "rtsp")


def hide_password(url: str) -> str:
    """A URL with its password as ***, in front of the host, in the path and in the query.

    What is no URL comes back as it is, but for what looks like a user and a password in front of a host.

    It works on what no reader of URLs would take, such as a password with a slash or an @ in it, and then hides
    rather too much than too little.
    """
    found = _SCHEME.match(url)
    if found is None:
        return _BARE.sub(rf"\g<1>:{HIDDEN}@", url)
    scheme, rest = found.group(1), url[found.end() :]
    end = re.search(r"[/?#]", rest)
    authority, path = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    if "@" not in authority and "@" in path and _is_no_host(authority):
        # The slash was part of the password.
        at = rest.rindex("@")
        authority, path = rest[: at + 1], rest[at + 1 :]
    return scheme + _hide_user(scheme, authority) + _SECRET_FIELD.sub(rf"\g<1>{HIDDEN}", path)


def hide_in(text: str, secrets: Iterable[str] = ()) -> str:
    """A text with the passwords of the URLs in it as ***, and each of the `secrets`, however it is written."""
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    text = re.sub(r"[A-Za-z][\w+.-]*://\S+", lambda found: hide_password(found.group()), text)
    return _BARE.sub(rf"\g<1>:{HIDDEN}@", text)


def _is_no_host(authority: str) -> bool:
    """Whether "user:begin-of-password" stands there: a host's port would be a number."""
    name, colon, port = authority.rpartition(":")
    return bool(colon) and not authority.startswith("[") and not (name and port.isdecimal())


def _hide_user(scheme: str, authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if not at:
        return authority
    name, colon, _ = user.partition(":")
    if colon:
        return f"{name}:{HIDDEN}@{host}"
    return authority if scheme.lower().startswith(_NAMED_USERS) else f"{HIDDEN}@{host}"


def _forms(secret: str) -> set[str]:
    """A secret as it may stand in a URL or in a message; what is very short is in every text and tells nothing."""
    forms = {secret, unquote(secret), quote(secret, safe=""), quote_plus(secret)}
    return {form for form in forms if len(form) > 2}
