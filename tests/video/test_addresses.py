"""No password is ever shown."""

import pytest

from ssmtl.video.addresses import hide_in, hide_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("events.jsonl", "events.jsonl"),
        ("me:pw@10.0.0.7/stream1", "me:***@10.0.0.7/stream1"),
        ("rtsp:/me:pw@10.0.0.7/stream1", "rtsp:/me:***@10.0.0.7/stream1"),
        ("rtsp://h:554/user=me_password=pw_channel=1.sdp", "rtsp://h:554/user=me_password=***"),
        ("http://h/cgi?loginuse=me&loginpas=pw&n=1", "http://h/cgi?loginuse=me&loginpas=***&n=1"),
        ("C:/films/yesterday at 12:30.mp4", "C:/films/yesterday at 12:30.mp4"),
        ("sqlite:////var/lib/watch/events.sqlite", "sqlite:////var/lib/watch/events.sqlite"),
        ("postgresql://db.example/watch", "postgresql://db.example/watch"),
        ("postgresql://me@db.example/watch", "postgresql://me@db.example/watch"),
        ("postgresql://me:pw@db.example:5432/watch", "postgresql://me:***@db.example:5432/watch"),
        ("postgresql+psycopg://me:pw@[::1]:5432/watch", "postgresql+psycopg://me:***@[::1]:5432/watch"),
        ("postgresql://me:p@w@db/watch", "postgresql://me:***@db/watch"),
        ("postgresql://me:p/w@db/watch", "postgresql://me:***@db/watch"),
        ("postgresql://me:p?w#x@db/watch", "postgresql://me:***@db/watch"),
        ("postgresql://me:p%40w@db/watch", "postgresql://me:***@db/watch"),
        ("postgresql://:pw@db/watch", "postgresql://:***@db/watch"),
        ("postgresql://db/watch?user=me&password=pw&sslmode=require", "postgresql://db/watch?user=me&password=***&sslmode=require"),
        ("postgresql:///watch?host=/run/pg&password=p", "postgresql:///watch?host=/run/pg&password=***"),
        ("mqtt://me:pw@host:1883/a/b", "mqtt://me:***@host:1883/a/b"),
        ("MQTTS://me@host", "MQTTS://me@host"),
        ("https://token@host/hook", "https://***@host/hook"),
        ("https://host/hook?token=abc&x=1#f", "https://host/hook?token=***&x=1#f"),
        ("https://host/hook?access_token=abc&API_KEY=d", "https://host/hook?access_token=***&API_KEY=***"),
        ("https://host:8443/users/a@b", "https://host:8443/users/a@b"),
        ("https://host/users/a@b", "https://host/users/a@b"),
        ("rtsp://me:pw@10.0.0.7/stream1", "rtsp://me:***@10.0.0.7/stream1"),
    ],
)  # fmt: skip
def test_a_password_is_hidden(url: str, shown: str) -> None:
    assert hide_password(url) == shown
    assert hide_password(shown) == shown


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("", [], ""),
        ("it failed", ["pw"], "it failed"),
        ("no mqtt://a:b@c/d, nor x://e:f@g here", [], "no mqtt://a:***@c/d, nor x://e:***@g here"),
        (
            "me:pw@host: no such file; see https://host:8443/users/a@b",
            [],
            "me:***@host: no such file; see https://host:8443/users/a@b",
        ),
        ("bad value 'geheim'", ["geheim"], "bad value '***'"),
        ("bad value 'p@ss wort'", ["p%40ss%20wort"], "bad value '***'"),
        ("bad value 'p%40ss+wort'", ["p@ss wort"], "bad value '***'"),
        ("of geheim and geheimer", ["geheim", "geheimer"], "of *** and ***"),
        ("a short one is in every text", ["a", ""], "a short one is in every text"),
    ],
)
def test_secrets_in_a_text_are_hidden(text: str, secrets: list[str], shown: str) -> None:
    assert hide_in(text, secrets) == shown
