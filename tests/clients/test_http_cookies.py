from __future__ import annotations

import pytest

from pytest_roo_load.clients.http.cookies import CookieJar, parse
from pytest_roo_load.clients.http.origin import Origin

NOW = 1_000_000_000.0
HERE = Origin.of("http://www.shop.test")
SECURE = Origin.of("https://www.shop.test")


@pytest.mark.parametrize(
    ("text", "to", "sent"),
    [
        ("a=1", "http://www.shop.test/", True),
        ("a=1", "http://shop.test/", False),
        ("a=1; Domain=shop.test", "http://shop.test/", True),
        ("a=1; Domain=.SHOP.test", "http://other.shop.test/", True),
        ("a=1; Domain=shop.test", "http://workshop.test/", False),
        ("a=1; Path=/cart", "http://www.shop.test/cart/2", True),
        ("a=1; Path=/cart", "http://www.shop.test/cartoon", False),
        ("a=1; Path=nonsense", "http://www.shop.test/", True),
        ("a=1; Secure", "http://www.shop.test/", False),
        ("a=1; Secure", "https://www.shop.test/", True),
        ("a=1; Max-Age=10", "http://www.shop.test/", True),
        ("a=1; Max-Age=0", "http://www.shop.test/", False),
        ("a=1; Max-Age=-5; Expires=Fri, 31 Dec 2100 23:59:59 GMT", "http://www.shop.test/", False),
        ("a=1; Expires=Thu, 01-Jan-1970 00:00:10 GMT", "http://www.shop.test/", False),
        ("a=1; Expires=Fri, 31 Dec 2100 23:59:59 GMT", "http://www.shop.test/", True),
        ("a=1; Expires=whenever", "http://www.shop.test/", True),
        ("a=1; HttpOnly; SameSite=Lax; =; x", "http://www.shop.test/", True),
    ],
)
def test_where_a_cookie_goes(text: str, to: str, *, sent: bool) -> None:
    cookie = parse(text, HERE, "/", NOW)
    assert cookie is not None
    scheme, _, rest = to.partition("://")
    host, _, path = rest.partition("/")
    assert cookie.belongs_to(Origin.of(f"{scheme}://{host}"), f"/{path}", NOW) == sent


@pytest.mark.parametrize("text", ["", "a", "=1", "a=1; Domain=other.test", "a=1; Domain=test.shop.test", "a=\x01"])
def test_what_is_no_cookie_here(text: str) -> None:
    assert parse(text, HERE, "/", NOW) is None


def test_an_address_has_no_domain() -> None:
    assert parse("a=1; Domain=0.0.1", Origin.of("http://127.0.0.1"), "/", NOW) is None


@pytest.mark.parametrize(("path", "default"), [("/", "/"), ("/a", "/"), ("/a/b?c=/d/", "/a"), ("/a/", "/a")])
def test_the_path_of_a_cookie_that_names_none(path: str, default: str) -> None:
    cookie = parse("a=1", HERE, path, NOW)
    assert cookie is not None
    assert cookie.path == default


def test_a_jar() -> None:
    jar = CookieJar()
    headers = [(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=x=y; Path=/deep"), (b"Other", b"c=3")]
    jar.store(headers, HERE, "/")
    jar.store([(b"Set-Cookie", b"a=2")], HERE, "/")
    assert jar.line(HERE, "/deep/er") == "Cookie: b=x=y; a=2\r\n", "the longer path goes first"
    assert (jar["a"], len(jar), repr(jar)) == ("2", 2, "<CookieJar of 2 cookies>")
    assert jar.line(Origin.of("http://elsewhere.test"), "/") == ""
    jar.store([(b"Set-Cookie", b"a=; Max-Age=0")], HERE, "/")
    with pytest.raises(KeyError):
        jar["a"]
    jar.clear()
    assert jar.line(SECURE, "/deep") == ""


def test_a_jar_has_limits() -> None:
    jar = CookieJar()
    jar.store([(b"Set-Cookie", b"a=" + b"x" * 5000)], HERE, "/")
    assert len(jar) == 0
    jar.store([(b"Set-Cookie", b"a%d=1" % number) for number in range(2000)], HERE, "/")
    assert len(jar) == 1000
