from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.render.printable import printable, shortened
from pytest_roo_load.render.svg import element, text


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_printable_text_can_always_be_written(content: str) -> None:
    shown = printable(content)

    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown) == len(content)
    assert not set(shown) & {"\x00", "\x1b", "\x7f", "\u202e", "\u2066"}


def test_text_of_any_language_and_its_line_breaks_stay() -> None:
    assert printable("日本語 – naïve\n\tline 2") == "日本語 – naïve\n\tline 2"


def test_text_that_would_reorder_what_is_around_it_is_marked() -> None:
    assert printable("safe\u202etxt.exe") == "safe\ufffdtxt.exe"


@given(st.text(), st.integers(1, 30))
def test_shortened_text_is_never_longer_and_shows_that_it_was_cut(content: str, length: int) -> None:
    shown = shortened(content, length)

    assert len(shown) <= length
    assert shown == content or (shown.endswith("…") and content.startswith(shown[:-1]))


def test_elements_escape_text_and_attributes() -> None:
    assert text("text", {"x": 1.5}, "<b> & c") == '<text x="1.5">&lt;b&gt; &amp; c</text>'
    assert element("line", {"class": 'a"><script>', "x1": 2.0}) == '<line class="a&#34;&gt;&lt;script&gt;" x1="2"/>'
