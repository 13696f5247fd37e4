"""Text: cutting, coding and reading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .forms import Form, constant, fixed, once, quote, whole

__all__ = ["TEXT"]

_PATH = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[['"]([^'"\\]+)['"]\]|\[(\d+)\]""")


def split_at(text: str, delimiter: str, index: str | None = None) -> str:
    """Return the parts, or an array of the one asked for, which is empty where there is none."""
    if index is None:
        return f"to_json(str_split({text}, {delimiter}))"
    return once(
        f"struct_pack(t := str_split({text}, {delimiter}), i := {whole(index)})",
        "to_json(list_slice(_v.t, CASE WHEN _v.i < 0 THEN _v.i ELSE _v.i + 1 END, "
        "CASE WHEN _v.i < 0 THEN _v.i ELSE _v.i + 1 END))",
    )


def indexof(text: str, wanted: str, start: str = "0", length: str = "-1") -> str:
    """Return the place of a text in another from `start`, which counts from the end where it is negative; else -1."""
    if (start, length) == ("0", "-1"):
        return f"(position({wanted} IN {text}) - 1)"
    bound = once(
        f"struct_pack(t := {text}, w := {wanted}, s := {whole(start)}, n := {whole(length)})",
        "struct_pack(t := _v.t, w := _v.w, n := _v.n, "
        "s := CASE WHEN _v.s < 0 THEN greatest(length(_v.t) + _v.s, 0) ELSE _v.s END)",
    )
    inside = "(CASE WHEN _i.n < 0 THEN substr(_i.t, _i.s + 1) ELSE substr(_i.t, _i.s + 1, _i.n) END)"
    found = f"position(_i.w IN {inside})"
    return once(bound, f"CASE WHEN {found} = 0 THEN -1 ELSE {found} + _i.s - 1 END", "_i")


def strrep(text: str, times: str, between: str | None = None) -> str:
    """Return a text so many times, 1,024 at most as in Kusto, with something between."""
    count = f"least(greatest({whole(times)}, 0), 1024)"
    if between is None:
        return f"repeat({text}, {count})"
    return f"array_to_string(list_transform(range({count}), lambda _n: {text}), {between})"


def translate(search: str, replacement: str, text: str) -> str:
    """Replace characters one by one; a short replacement goes on with its last character."""
    padded = once(
        f"struct_pack(s := {search}, r := {replacement})",
        "CASE WHEN length(_v.r) = 0 THEN '' ELSE rpad(_v.r, CAST(length(_v.s) AS INTEGER), right(_v.r, 1)) END",
    )
    return f"translate({text}, {search}, {padded})"


def tohex(number: str, least: str | None = None) -> str:
    """Return a whole number in small hexadecimal digits, negative ones in two's complement."""
    digits = f"lower(hex({whole(number)}))"
    if least is None:
        return digits
    return once(digits, f"lpad(_v, CAST(greatest(length(_v), {whole(least)}) AS INTEGER), '0')")


def base64_bytes(text: str) -> str:
    """Return the bytes as an array of numbers; null where the text is no base64."""
    octets = (
        "list_transform(range(octet_length(_v)), lambda _n: CAST('0x' || substr(hex(_v), 2 * _n + 1, 2) AS BIGINT))"
    )
    return once(f"TRY(from_base64({text}))", f"CASE WHEN _v IS NOT NULL THEN to_json({octets}) END")


def make_string(*parts: str) -> str:
    """Return the text of code points, given one by one or in arrays."""
    numbers = [
        f"CASE WHEN json_type(to_json({part})) = 'ARRAY' THEN TRY_CAST(to_json({part}) AS BIGINT[]) "
        f"ELSE [TRY_CAST(to_json({part}) AS BIGINT)] END"
        for part in parts
    ]
    joined = f"flatten([{', '.join(numbers)}])"
    return f"array_to_string(list_transform({joined}, lambda _n: chr(CAST(_n AS INTEGER))), '')"


def code_points(text: str) -> str:
    """Return the code points of a text as an array."""
    return f"to_json(list_transform(list_filter(str_split({text}, ''), lambda _c: _c <> ''), lambda _c: unicode(_c)))"


def strcmp(left: str, right: str) -> str:
    """Return -1, 0 or 1 by the order of the code points."""
    return f"(CASE WHEN {left} = {right} THEN 0 WHEN {left} < {right} THEN -1 ELSE 1 END)"


def extract_json(args: list[str], nodes: Any) -> str:
    """Return the text of what a constant path points at; '' where there is nothing."""
    path = json_path(constant(nodes[0]))
    return f"coalesce(json_extract_string(TRY_CAST({args[1]} AS JSON), {quote(path)}), '')"


def json_path(text: object) -> str:
    """Return a JSONPath of names and numbers in the engine's spelling. Raise ValueError for any other."""
    if not isinstance(text, str) or not text.startswith("$"):
        raise ValueError("the path must be a text that begins with $")
    path, at = "$", 1
    while at < len(text):
        found = _PATH.match(text, at)
        if found is None:
            raise ValueError("the path may hold names and numbers only")
        name = found[1] or found[2]
        path += f'."{name}"' if name else f"[{found[3]}]"
        at = found.end()
    return path


def parse_csv(text: str) -> str:
    """Return the fields of one record of comma-separated values."""
    pattern = quote(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^,"\r\n]*))')
    fields = f"regexp_extract_all(split_part(replace(_v, chr(13), ''), chr(10), 1), {pattern})"
    one = (
        "list_transform([CASE WHEN starts_with(_f, ',') THEN substr(_f, 2) ELSE _f END], lambda _g: "
        "CASE WHEN starts_with(_g, '\"') THEN replace(substr(_g, 2, length(_g) - 2), '\"\"', '\"') ELSE _g END)[1]"
    )
    return once(text, f"to_json(list_transform({fields}, lambda _f: {one}))")


def url_query(text: str) -> str:
    """Return the parameters of a query string as Kusto's bag of one bag."""
    pairs = (
        "list_filter(list_transform(str_split(CASE WHEN starts_with(_v, '?') THEN substr(_v, 2) ELSE _v END, '&'), "
        "lambda _p: struct_pack(key := split_part(_p, '=', 1), value := substr(_p, position('=' IN _p) + 1))), "
        "lambda _p: _p.key <> '' AND _p.value <> '')"
    )
    names = f"list_sort(list_distinct(list_transform({pairs}, lambda _p: _p.key)))"
    values = f"list_transform(list_filter({pairs}, lambda _p: _p.key = _k), lambda _p: _p.value)"
    entry = (
        f"to_json(_k)::VARCHAR || ':' || CASE WHEN len({values}) = 1 THEN to_json({values}[1])::VARCHAR "
        f"ELSE to_json({values})::VARCHAR END"
    )
    body = f"array_to_string(list_transform({names}, lambda _k: {entry}), ',')"
    return once(text, f"""CAST('{{"Query Parameters":{{' || {body} || '}}}}' AS JSON)""")


def parse_path(text: str) -> str:
    """Return the parts of a file path as a bag, for paths of Windows, of Linux and of URLs."""
    scheme = "regexp_extract(_v, '^([A-Za-z][A-Za-z0-9+.-]+)://', 1)"
    rest = "regexp_replace(_v, '^[A-Za-z][A-Za-z0-9+.-]+://', '')"
    root = r"regexp_extract(_r, '^(?:\\\\[^\\/]+|[A-Za-z]:)')"
    named = r"regexp_extract(_r, '([^\\/]*)$', 1)"
    name = f"split_part({named}, ':', 1)"
    stream = f"CASE WHEN position(':' IN {named}) > 0 THEN substr({named}, position(':' IN {named}) + 1) ELSE '' END"
    file = rf"CASE WHEN regexp_matches(_r, '^[A-Za-z]:$') THEN '' ELSE {name} END"
    folder = r"regexp_replace(regexp_replace(_r, '[\\/]*[^\\/]*$', ''), '[\\/]+$', '')"
    parent = rf"regexp_extract({folder}, '([^\\/]*)$', 1)"
    extension = rf"regexp_extract({file}, '\.([^.]*)$', 1)"
    bag = (
        f"json_object('Scheme', _s, 'RootPath', {root}, 'DirectoryPath', {folder}, 'DirectoryName', {parent}, "
        f"'Filename', {file}, 'Extension', {extension}, 'AlternateDataStreamName', {stream})"
    )
    return once(text, once(scheme, once(rest, bag, "_r"), "_s"))


def parse_version(text: str) -> str:
    """Return a version of up to four numbers as one number that sorts alike; null where it is none."""
    padded = "str_split(_v || repeat('.0', CAST(4 - len(str_split(_v, '.')) AS BIGINT)), '.')"
    terms = " + ".join(
        f"TRY_CAST({padded}[{place}] AS HUGEINT) * CAST('{10 ** (8 * (4 - place))}' AS HUGEINT)"
        for place in range(1, 5)
    )
    pattern = quote(r"^\d{1,8}(\.\d{1,8}){0,3}$")
    return once(f"trim({text})", f"CASE WHEN regexp_matches(_v, {pattern}) THEN {terms} END")


def format_bytes(size: str, precision: str = "0", unit: str | None = None) -> str:
    """Return a size in the largest unit it fills, or in the one named."""
    units = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
    chosen = (
        f"CASE {unit} {' '.join(f'WHEN {quote(name)} THEN {power}' for power, name in enumerate(units))} END"
        if unit
        else "CASE "
        + " ".join(f"WHEN abs(_v) >= {1024**power} THEN {power}" for power in range(6, 0, -1))
        + " ELSE 0 END"
    )
    names = "[" + ", ".join(quote(name) for name in units) + "]"
    number = f"round(_v / power(1024.0, _p), CAST({precision} AS INTEGER))"
    shown = f"regexp_replace(CAST({number} AS VARCHAR), '\\.0+$', '')"
    return once(f"CAST({size} AS DOUBLE)", once(chosen, f"{shown} || ' ' || {names}[_p + 1]", "_p"))


TEXT: Mapping[str, Form] = {
    "split": fixed(split_at, 2, 3),
    "indexof": fixed(indexof, 2, 3, 4),
    "strrep": fixed(strrep, 2, 3),
    "translate": fixed(translate, 3),
    "tohex": fixed(tohex, 1, 2),
    "string_size": fixed(lambda text: f"strlen({text})", 1),
    "isascii": fixed(lambda text: rf"regexp_full_match({text}, '[\x00-\x7F]*', 's')", 1),
    "strcmp": fixed(strcmp, 2),
    "base64_decode_tostring": fixed(lambda text: f"coalesce(TRY(decode(TRY(from_base64({text})))), '')", 1),
    "base64_decode_toarray": fixed(base64_bytes, 1),
    "url_decode": fixed(lambda text: f"coalesce(TRY(url_decode(replace({text}, '+', ' '))), {text})", 1),
    "url_encode": fixed(lambda text: f"replace(url_encode({text}), '%20', '+')", 1),
    "url_encode_component": fixed(lambda text: f"url_encode({text})", 1),
    "make_string": Form(make_string),
    "unicode_codepoints_to_string": Form(make_string),
    "unicode_codepoints_from_string": fixed(code_points, 1),
    "to_utf8": fixed(code_points, 1),
    "extract_json": Form(extract_json, (2,), sees=True),
    "parse_csv": fixed(parse_csv, 1),
    "parse_urlquery": fixed(url_query, 1),
    "parse_path": fixed(parse_path, 1),
    "parse_version": fixed(parse_version, 1),
    "format_bytes": fixed(format_bytes, 1, 2, 3),
}  # fmt: skip
