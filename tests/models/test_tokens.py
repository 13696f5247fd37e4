"""Tokens are counted exactly where an encoding is known, for any text, and in bounded time."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.models.encodings import EncodingName, encoding
from soc_analyst.tools.models.tokens import Count, count, count_off_loop, count_request, encoding_for

VECTORS: list[tuple[EncodingName, str, list[int]]] = [
    ("o200k_base", "hello world", [24912, 2375]),
    ("cl100k_base", "hello world", [15339, 1917]),
    ("cl100k_base", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
]

ENCODINGS = """
gpt-5-mini                          o200k_base   exact
gpt-5-mini-2025-08-07               o200k_base   exact
openai:gpt-4.1                      o200k_base   exact
azure:gpt-4o                        o200k_base   exact
azure:gpt-35-turbo                  cl100k_base  exact
openai:gpt-4                        cl100k_base  exact
o3                                  o200k_base   exact
ft:gpt-4o:contoso::7p4lURx          o200k_base   exact
gpt-oss-20b@http://127.0.0.1:8000   o200k_base   exact
text-davinci-003                    cl100k_base  nearest
azure:soc-deployment                o200k_base   nearest
llama3@http://127.0.0.1:8080/v1     o200k_base   nearest
qwen/2.5:7b@http://[::1]:11434/v1   o200k_base   nearest
"""

LONG = {
    "one letter": "a" * 1_000_000,
    "spaces": " " * 1_000_000,
    "line ends": "\r\n" * 500_000,
    "carets": "^" * 1_000_000,
    "digits": "7" * 1_000_000,
    "no spaces in Chinese": "漢字" * 250_000,
    "combining marks": "e" + "\u0301" * 500_000,
    "base64": "QWxhZGRpbjpvcGVu" * 60_000,
    "half characters": "\ud800" * 300_000,
}

#: Texts as logs hold them, in which every kind of edge comes up.
PIECES = st.sampled_from(
    ["a", "Z", "é", "漢", "7", " ", "  ", "\n", "\r\n", "\t", "/", "\\", ".", "'s", "'LL", "\u0301", "\u200b", "\x1c",
     "powershell -enc ", "C:\\Windows\\", "<|endoftext|>", "10.0.0.1", "\u2028", "\x85", "ǅ", "😀"]
)  # fmt: skip


@pytest.mark.parametrize(("name", "text", "ids"), VECTORS)
def test_the_encodings_give_the_published_ids(name: EncodingName, text: str, ids: list[int]) -> None:
    assert encoding(name).encode(text, disallowed_special=()) == ids


@pytest.mark.parametrize("line", ENCODINGS.strip().splitlines())
def test_the_encoding_of(line: str) -> None:
    model, name, known = line.split()
    assert encoding_for(model) == (name, known == "exact")
    assert count("hello world", model).exact is (known == "exact")


def test_special_tokens_in_a_text_are_text() -> None:
    for special in ("<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>"):
        for model in ("gpt-5-mini", "gpt-4"):
            assert count(special, model).tokens > 1
    assert count("", "gpt-5-mini") == Count(0)


@pytest.mark.parametrize("name", LONG)
def test_a_long_and_repetitive_text_is_counted(name: str) -> None:
    counted = count(LONG[name], "gpt-5-mini")
    assert 0 < counted.tokens <= len(LONG[name].encode("utf-8", "replace")) * 3
    assert not counted.exact  # it has no place where it could be cut without a change


def test_a_megabyte_of_log_lines_is_exact() -> None:
    line = '{"Account":"CONTOSO\\\\svc-%d","Cmd":"powershell -enc SQBFAFgA","Ip":"10.1.2.%d"}\n'
    text = "".join(line % (i, i % 250) for i in range(14_000))
    assert len(text) > 1_000_000
    assert count(text, "gpt-5-mini") == Count(len(encoding("o200k_base").encode_ordinary(text)), True)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=3, max_size=40), st.integers(0, 70_000), st.sampled_from(["gpt-5-mini", "gpt-4"]))
def test_a_text_in_stretches_counts_as_in_one(pieces: list[str], offset: int, model: str) -> None:
    unit = "".join(pieces)
    text = "x" * (offset % 97) + unit * (150_000 // len(unit))
    counted = count(text, model)
    if counted.exact:
        assert counted.tokens == len(encoding(encoding_for(model)[0]).encode_ordinary(text))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=200), st.text(max_size=200))
def test_texts_together_take_about_what_they_take_apart(left: str, right: str) -> None:
    """Bound a joined text by its parts: joining can save tokens, and cost few more where a piece is merged anew."""
    together = count(left + right, "gpt-5-mini").tokens
    assert together <= (count(left, "gpt-5-mini") + count(right, "gpt-5-mini")).tokens + 8
    assert together <= len((left + right).encode("utf-8", "surrogatepass"))
    assert (together == 0) is (left + right == "")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100), st.text(max_size=100))
def test_lines_that_begin_with_a_letter_add_up(left: str, right: str) -> None:
    first, second = left + "\n", "x" + right
    assert count(first + second, "gpt-5-mini") == count(first, "gpt-5-mini") + count(second, "gpt-5-mini")


def test_a_request_counts_its_frame_and_its_schema() -> None:
    plain = count_request("You are an analyst.", "What happened?", "gpt-5-mini")
    texts = count("You are an analyst.", "gpt-5-mini") + count("What happened?", "gpt-5-mini")
    assert plain == texts + Count(11)
    schema = {"type": "object", "properties": {"summary": {"type": "string", "maxLength": 500}}}
    asked = count_request("You are an analyst.", "What happened?", "gpt-5-mini", schemas=[schema])
    assert asked.tokens > plain.tokens + count(json.dumps(schema, separators=(",", ":")), "gpt-5-mini").tokens
    again = count_request("You are an analyst.", "What happened?", "gpt-5-mini", earlier=["{", "Mend your answer."])
    assert again.tokens > plain.tokens + 8


def test_threads_share_one_encoding() -> None:
    barrier = threading.Barrier(8)

    def build() -> int:
        barrier.wait()
        return id(encoding("cl100k_base"))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: build(), range(8)))) == 1


async def test_counting_off_the_loop_lets_it_turn() -> None:
    turned = 0

    async def turn() -> None:
        nonlocal turned
        while True:
            turned += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    counted = await count_off_loop("powershell -enc SQBFAFgA " * 20_000, "gpt-5-mini")
    turning.cancel()
    assert counted == count("powershell -enc SQBFAFgA " * 20_000, "gpt-5-mini")
    assert turned > 10
