"""Holding an answer against what is expected: tables, no sockets."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from checks.carry import in_address, in_json
from checks.expect import Expect, Latency, conclude, content_of, look, pace, title_of
from checks.http import Settings, judge
from checks.httpwire.address import join, parse
from checks.httpwire.cookies import Jar
from checks.httpwire.decode import text_of
from checks.httpwire.follow import Reply
from checks.jsonpath import ABSENT, path, shown
from checks.pattern import parse as pattern
from monitor.core.finding import Held, Miss, Outcome, Reason
from tests.support.httpserver import NOW

URL = parse("https://portal.example/")
HTML = (("content-type", "text/html; charset=utf-8"), ("set-cookie", "sid=hemmelig"), ("server", "nginx"))


def reply(body: str = "", status: int = 200, headers: tuple[tuple[str, str], ...] = HTML, took: float = 0.1) -> Reply:
    return Reply(status, URL, headers, body.encode(), took)


def told(given: Reply, **expect: Any) -> list[Miss | Held]:
    return list(look(Expect.model_validate(expect), given))


@pytest.mark.parametrize(
    ("status", "code", "holds"),
    [
        ("200", 200, True),
        ("200", 204, False),
        (["200", "204"], 204, True),
        ("2xx", 299, True),
        ("2XX", 300, False),
        (["2xx", "401"], 401, True),
        (200, 200, True),
        (None, 200, True),
        (None, 302, False),
    ],
)
def test_status(status: Any, code: int, holds: bool) -> None:
    (one,) = told(reply(status=code), **({} if status is None else {"status": status}))

    assert isinstance(one, Held) is holds
    assert one.seen == f"status {code}"


@pytest.mark.parametrize("status", ["", "20", "600", "2xxx", [], ["200", "x"], "0xx"])
def test_statuses_that_are_refused(status: Any) -> None:
    with pytest.raises(ValidationError):
        Expect.model_validate({"status": status})


@pytest.mark.parametrize(
    ("header", "miss"),
    [
        ({"Content-Type": "TEXT/html"}, None),
        ({"content-type": "/^text/html(; charset=utf-8)?$/"}, None),
        ({"content-type": "json"}, Miss(Reason.HEADER, "content-type: json", "text/html; charset=utf-8")),
        ({"server": "/apache/"}, Miss(Reason.HEADER, "server: /apache/", "nginx")),
        ({"set-cookie": "other"}, Miss(Reason.HEADER, "set-cookie: other", "en anden værdi")),
        ({"x-none": "a"}, Miss(Reason.HEADER, "x-none: a", "mangler")),
    ],
)
def test_headers(header: dict[str, str], miss: Miss | None) -> None:
    one = told(reply(), header=header)[1]

    assert one == miss if miss else isinstance(one, Held)


@pytest.mark.parametrize(
    ("expect", "miss"),
    [
        ({"body": "Log ind"}, None),
        ({"body": ["Log ind", "/v[0-9]{1,3}/"]}, None),
        ({"body": "/log IND/i"}, None),
        ({"not_body": ["Fejl", "/vedlige/i"]}, None),
        ({"body": "Velkommen"}, Miss(Reason.BODY, "teksten »Velkommen«", "»Nexus & co«")),
        ({"not_body": "v12"}, Miss(Reason.BODY, "ikke teksten »v12«", "»Nexus & co«")),
    ],
)
def test_body(expect: dict[str, Any], miss: Miss | None) -> None:
    results = told(reply("<title>\n Nexus  &amp; co</title> Log ind v12 010203-1234"), **expect)

    assert [one for one in results if isinstance(one, Miss)] == ([miss] if miss else [])


DOCUMENT = {"status": "ok", "n": 3, "deep": {"a.b": [{"c": None}, {"c": True}]}, "name": "Anna", "cpr": "0102031234"}


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ({"status": "ok"}, None),
        ({"$.status": "/^(ok|warn)$/"}, None),
        ({"n": "3"}, None),
        ({"n": {"min": "3", "max": "3"}}, None),
        ({'deep["a.b"][1].c': "true"}, None),
        ({'deep["a.b"][0].c': "null"}, None),
        ({'deep["a.b"]': {"items": "2"}}, None),
        ({"deep": {"exists": "yes"}}, None),
        ({"none": {"exists": "no"}}, None),
        ({"name": {"is": "Anna"}}, None),
        ({"status": "up"}, "ok"),
        ({"n": "4"}, "3"),
        ({"n": {"min": "4"}}, "3"),
        ({"status": {"min": "1"}}, "ok"),
        ({"name": "Bo"}, "en anden værdi"),
        ({"cpr": "0"}, "en anden værdi"),
        ({"deep": "x"}, "1 elementer"),
        ({"deep": {"items": "2"}}, "1 elementer"),
        ({"none": "x"}, "mangler"),
        ({"status[0]": "o"}, "mangler"),
        ({"deep.a": "o"}, "mangler"),
    ],
)
def test_json(rules: dict[str, Any], seen: str | None) -> None:
    one = told(reply(json.dumps(DOCUMENT)), json=rules)[1]

    assert isinstance(one, Held) if seen is None else (one.seen == seen and isinstance(one, Miss))


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("<!doctype html><html><title>Vedligeholdelse</title>", "HTML »Vedligeholdelse«"),
        ("<p>hov", "HTML"),
        ("", "intet indhold"),
        ("[" * 100_000, "HTML"),
        ('{"a": ' + "9" * 5000 + "}", "HTML"),
    ],
)
def test_json_that_is_none(body: str, seen: str) -> None:
    one = told(reply(body), json={"a": "1"})[1]

    assert one == Miss(Reason.CONTENT, "JSON", seen)


def test_content_that_is_neither() -> None:
    assert content_of(reply("hej", headers=())) == "andet indhold"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<TITLE lang=da>a</TITLE>", "»a«"),
        ("<title>" + "x" * 400 + "</title>", "»" + "x" * 39 + "…«"),
        ("<title>\x1b[0m\u202e</title>", "»[0m«"),
        ("<title" * 20_000, ""),
        ("<title>" * 20_000, ""),
    ],
)
def test_a_title_is_short_and_printable(text: str, title: str) -> None:
    assert title_of(text) == title


@pytest.mark.parametrize(
    ("took", "outcome", "seen"),
    [
        (0.4, Outcome.OK, "0,4 s"),
        (2.0, Outcome.OK, "2 s"),
        (2.01, Outcome.WARN, "2,01 s"),
        (8.25, Outcome.FAIL, "8,25 s"),
    ],
)
def test_slower_and_slower(took: float, outcome: Outcome, seen: str) -> None:
    found, (one,) = pace(took, Latency(degraded_over=2, fail_over=8))

    assert (found, one.seen) == (outcome, seen)


def test_the_stricter_of_two_bounds_counts() -> None:
    lax, strict = Latency(degraded_over=9), Latency(degraded_over=1, fail_over=3)

    assert [pace(took, lax, strict)[0] for took in (0.5, 2, 5)] == [Outcome.OK, Outcome.WARN, Outcome.FAIL]


def test_all_expectations_are_told_and_what_is_broken_outweighs_what_is_slow() -> None:
    settings = Settings.model_validate(
        {"name": "x", "kind": "http", "url": "https://portal.example/", "degraded_over": "1s"}
        | {"expect": {"status": "200", "body": "Log ind", "header": {"server": "nginx"}}}
    )
    verdict = judge(settings, reply("Fejl", 503, took=4.0), NOW)

    assert verdict.outcome is Outcome.FAIL
    assert [miss.reason for miss in verdict.misses] == [Reason.STATUS, Reason.BODY, Reason.SLOW]
    assert [held.expected for held in verdict.held] == ["server: nginx"]


def test_nothing_missed_is_ok() -> None:
    assert conclude([Held("a")]).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("/a+/", "write a bound"),
        ("/a*?b/", "write a bound"),
        ("/[a-z]*/", "write a bound"),
        ("/a{2,}/", "write a bound"),
        ("/a{,}/", "write a bound"),
        ("/(ab){1,9}/", "a group is not repeated"),
        ("/(?:a|b){3}/", "a group is not repeated"),
        ("/a{0,20}b{0,20}/", "multiply to more"),
        ("/a{0,300}/", "multiply to more"),
        ("/a{,300}/", "multiply to more"),
        ("/a{300}/", "multiply to more"),
        ("/" + "a?" * 9 + "/", "multiply to more"),
        ("/(?x)a/", "flag x"),
        ("/(/", "not a regular expression"),
        ("/" + "a" * 400 + "/", "1 to 300"),
        ("", "1 to 300"),
    ],
)
def test_patterns_that_are_refused(text: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        pattern(text)


@pytest.mark.parametrize(
    ("text", "found", "not_found"),
    [
        ("a+b", "xa+b", "aab"),
        ("/login", "/login", "login"),
        ("/log{0,3}in/", "loggin", "lo in"),
        (r"/v\d{1,3}\.\d{1,3}/", "v1.22", "v1"),
        (r"/[*+?{}]\+/", "*+", "ab"),
        (r"/[]*]x/", "]x", "ax"),
        (r"/[^]*]x/", "ax", "]x"),
        ("/^b$/m", "a\nb", "a b"),
        ("/a.b/s", "a\nb", "ab"),
        ("/(?i:ÆØÅ)/", "æøå", "aoa"),
        ("/(?<!u)klar/", "er klar", "uklar"),
        (r"/[0-9a-f]{8}-[0-9a-f]{4}/", "0123abcd-ef01", "0123-ef01"),
    ],
)
def test_patterns(text: str, found: str, not_found: str) -> None:
    assert pattern(text).found(found)
    assert not pattern(text).found(not_found)


def test_a_regular_expression_sees_the_first_of_a_long_text_and_a_plain_text_all() -> None:
    text = "x" * 70_000 + "Log ind"

    assert not pattern("/Log ind/").found(text)
    assert pattern("Log ind").found(text)


@pytest.mark.parametrize("text", ["", "a..b", "a[", "a[x]", "a[-1]", '["a', ".".join("a" * 21), "a[9999999]"])
def test_paths_that_are_refused(text: str) -> None:
    if text:
        with pytest.raises(ValueError, match="is not a path"):
            path(text)
    else:
        assert path(text).of([1]) == [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(True, "true"), (None, "null"), (12345, "12345"), (123456, "en anden værdi"), (0.5, "0.5"), ("UP", "UP")],
        *[("Anna", "en anden værdi"), ([], "0 elementer"), (ABSENT, "mangler"), ("ok\n", "en anden værdi")],
    ],
)
def test_a_value_is_shown_only_when_it_can_be_nobodys(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html", "æ".encode(), "æ"),
        ("text/html; charset=ISO-8859-1", b"\xe6", "æ"),
        ('text/html; charset="windows-1252"', b"\x80", "€"),
        ("text/html; charset=utf_16", b"a\x00", "a\x00"),
        ("text/html; charset=" + "x" * 9000, b"\xff", "\ufffd"),
    ],
)
def test_charsets(content_type: str, body: bytes, text: str) -> None:
    assert text_of(body, content_type) == text


@pytest.mark.parametrize(
    ("location", "whole"),
    [
        ("/a b?x=å#frag", "https://portal.example/a%20b?x=%C3%A5"),
        ("//sso.example:443/x", "https://sso.example/x"),
        ("HTTP://Portal.EXAMPLE:8080", "http://portal.example:8080/"),
        ("../../x", "https://portal.example/x"),
        ("?q", "https://portal.example/?q"),
        ("\t/x\r\nX-Y: z", "https://portal.example/xX-Y:%20z"),
        ("https://blåbær.example/", "https://xn--blbr-roah.example/"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
    ],
)
def test_addresses(location: str, whole: str) -> None:
    assert str(join(URL, location)) == whole


@pytest.mark.parametrize(
    "location",
    [
        *["javascript:x", "https://a b/", "https://-x.example/", "https://u@x.example/"],
        *["https://x.example:x/", "https://[::1", "https://[fe80::1%25eth0]/", "https://x..example/", "x" * 9000],
        *[f"https://{'a' * 300}.example/", "https://\u0000.example/", "https://" + "å" * 70 + ".example/"],
        *["https://1.2.3.4.5/", "https://127.1/"],
    ],
)
def test_addresses_that_are_refused(location: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        join(URL, location)


def test_cookies_go_back_where_they_came_from_and_are_few() -> None:
    jar = Jar()
    jar.take(Reply(200, URL, (("set-cookie", "a=1; Path=/"), ("set-cookie", "bad"), ("set-cookie", "b=" + "x" * 5000))))
    jar.take(Reply(200, parse("https://other.example/"), tuple(("set-cookie", f"c{n}=1") for n in range(99))))

    assert jar.line(URL) == "a=1"
    assert jar.line(parse("http://portal.example/")) == ""
    assert jar.line(parse("https://other.example/")).count("=") == 19


def test_escaping() -> None:
    assert in_address("a b/?&æ") == "a%20b%2F%3F%26%C3%A6"
    assert in_json('a"b\n') == r"a\"b\n"
