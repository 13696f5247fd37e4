"""Other spellings of one command line or path, read as Windows and Unix shells would read them.

What is written with carets, quotes, backticks or look-alike letters inside words, in pieces, by variables or in base64
does the same as what is written plainly. So a line that plays such tricks can be read in its plain form too, beside the
one that the log holds. Nothing here runs anything; what cannot be known from the text alone stays as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import re2

from .texts import quiet_options
from .unwrapping import WORD, unwrapped

__all__ = ["HINT", "plain_line", "plain_path", "plainer_lines", "plainer_path"]

READ = 16_384
"""Characters of a line that are read; the rest of a longer one stands only as it is written."""
DEEP = 3
"""How often text inside text is read."""

FOLDERS = {
    "systemroot": r"C:\Windows",
    "windir": r"C:\Windows",
    "comspec": r"C:\Windows\System32\cmd.exe",
    "systemdrive": "C:",
    "homedrive": "C:",
    "public": r"C:\Users\Public",
    "programdata": r"C:\ProgramData",
    "allusersprofile": r"C:\ProgramData",
    "programfiles": r"C:\Program Files",
    "programw6432": r"C:\Program Files",
    "programfiles(x86)": r"C:\Program Files (x86)",
    "commonprogramfiles": r"C:\Program Files\Common Files",
    "userprofile": r"C:\Users\user",
    "appdata": r"C:\Users\user\AppData\Roaming",
    "localappdata": r"C:\Users\user\AppData\Local",
    "temp": r"C:\Users\user\AppData\Local\Temp",
    "tmp": r"C:\Users\user\AppData\Local\Temp",
    "pathext": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
}
"""What variables of a usual Windows stand for; the account's own folder is called `user`."""
BY_SLASH = (
    "schtasks|reg|net1?|wevtutil|taskkill|tasklist|cmdkey|nltest|icacls|msiexec|regsvr32|auditpol|vssadmin|bcdedit"
    "|bitsadmin|wmic|whoami|shutdown|installutil|cmstp|esentutl|forfiles|xcopy|psr|diskshadow|dism|manage-bde"
)
BY_DASH = r"powershell(?:_ise)?|pwsh|certutil|certreq|wbadmin|dsquery|adfind|psexec(?:64|svc)?|procdump(?:64)?"
TOOL = r"(?:^|[\s\\/\"'&|(])(?:{})(?:\.exe)?[\"']?\s+(?:[^\s/|&-][^\s|&]*\s+){{0,3}}{}[a-z?]"
SLASHED = TOOL.format(BY_DASH, "/")
DASHED = TOOL.format(BY_SLASH, "-")
"""Where the first switch after a program's name has the sign that its manual does not give it."""
ODD_SPACE = r"^\s*(?:\"[^\"]*\"|[^\"\s]\S*)\s+\S.*?(?:\s\s\S|[\t\v\f])"
BASE64 = r"[A-Za-z0-9+/_-]{24,}"
TRICKS = "|".join(
    (
        r"[^\x00-\x7f]",
        r"[\w.\\/:-]\^+[\w.\\/:-]",
        r"\w(?:\"\"|''|\"\w+\"|'\w+')\w",
        r"[a-z]`[a-z]",
        r"['\"]\s*[+&]\s*['\"(\[]|\[char\]|\bchrw?\(|fromcharcode|\}['\"]\s*-f",
        r"%[\w()]+(?::~[^%]*)?%|\$\{?env:|![a-z]\w*!",
        r"\\\\[?.]\\|\\\?\?\\|\w\\\.{1,2}\\|\\device\\hard|\\systemroot\\|\w\\\\+\w|\b[a-z]:/|progra~\d|\bhk(?:lm|cu|cr|u):?/",
        r"\$\{?ifs|\$@|\$\*|\{\w[\w.-]*,[^}\s]+\}|\w/(?:\./|/)\w|\$'\\|(?:^|[\s;&|('\"/])[a-z]+\\[a-z]+\s",
        r"[;&\s'\"]\$\w+\$\w",
        ODD_SPACE,
        SLASHED,
        DASHED,
    )
)
"""What a line holds that is written in another way than plainly, without regard to case."""
HINT = f"{TRICKS}|{BASE64}"
"""What any line that may be read more plainly holds, for one pass by RE2; many long words are no base64, though."""


@lru_cache(maxsize=1)
def _tricky() -> Callable[[str], object]:
    search: Callable[[str], object] = re2.compile(f"(?is){TRICKS}", quiet_options()).search
    return search


def plainer_lines(line: str) -> tuple[str, ...]:
    """Return the forms of a command line that are plainer than it is written; none for most lines."""
    written = line[:READ]
    if not _tricky()(written) and unwrapped(written) == written:
        return ()
    found: dict[str, None] = {}
    text = written
    for _ in range(DEEP):
        inner = unwrapped(text)[:READ]
        plain = plain_line(inner)
        found |= dict.fromkeys((inner, plain))
        if plain == text or not WORD.search(plain):
            break
        text = plain
    return tuple(one for one in found if not _alike(one, written))


def _alike(plain: str, written: str) -> bool:
    """Tell whether two spellings differ by the space around the first word at most, which programs leave themselves."""
    return plain == written or (plain.split() == written.split() and not re.search(ODD_SPACE, written))


def plain_line(line: str) -> str:
    """Return a command line without the tricks of writing that change nothing of what it does."""
    text = _of_ascii(line)
    text = _unix(text) if _is_unix(text) else _windows(text)
    text = _joined_pieces(text)
    return re.sub(r"[ \t\v\f\xa0]+", " ", text).strip()


LIKE_ASCII = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2215\u2044\u29f8\uff0f", "/"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\uff02", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\uff07", "'"),
        **dict.fromkeys([0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)], ""),
    }
)
"""Dashes, slashes and quotes of other alphabets, and characters that nobody sees."""


def _of_ascii(text: str) -> str:
    """Write look-alikes of dashes, slashes, quotes and letters as the shells of Windows and its programs read them."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text.translate(LIKE_ASCII))


UNIX = re.compile(
    r"^[\"']?(?:/(?:usr|bin|sbin|etc|tmp|var|home|dev|opt|root|proc|run)/|(?:sudo|bash|sh|dash|zsh|busybox|env|nohup)\s)"
    r"|[\s\"'=(<>,]/(?:usr|bin|sbin|etc|tmp|var|home|dev|opt|root|proc)/|\$\{?IFS"
)
OF_WINDOWS = re.compile(r"\b[A-Za-z]:\\|\.exe\b|\.dll\b|powershell|\bcmd\b|%\w+%|\bHK(?:LM|CU|EY)", re.IGNORECASE)


def _is_unix(text: str) -> bool:
    return UNIX.search(text) is not None and OF_WINDOWS.search(text) is None


def _windows(text: str) -> str:
    text = _variables(text)
    if re.search(r"[\w.\\/:-]\^+[\w.\\/:-]", text):
        text = re.sub(r"\^+(?=\S)", "", text)
    text = _unquoted_words(text)
    if "`" in text:
        text = re.sub(r"(?<=[A-Za-z-])`(?=[A-Za-z-])", "", text)
    text = _plain_paths(text)
    return _usual_switches(text)


def _unquoted_words(text: str) -> str:
    """Leave out quotes that stand inside a word."""
    text = re.sub(r"(?<=\w)(?:(?:\"\")+|(?:'')+)(?=\w)", "", text)
    return re.sub(r"(?<=\w)(?:\"(\w{1,32})\"|'(\w{1,32})')(?=\w)", r"\1\2", text)


SLICE = re.compile(r"[%!]([\w()]{1,40}):~\s*(-?\d{1,4})(?:\s*,\s*(-?\d{1,4}))?[%!]")
NAMED = re.compile(r"%([\w()]{1,40})%|\$\{?env:([\w()]{1,40})\}?|!([A-Za-z]\w{0,40})!", re.IGNORECASE)
SET = re.compile(r"\bset\s+\"?([A-Za-z_]\w{0,40})=([^&|\"]{0,200})", re.IGNORECASE)


def _variables(text: str) -> str:
    """Write what variables stand for: those of a usual Windows and those that the line sets itself."""
    if not any(sign in text for sign in "%!$"):
        return text
    known = {**FOLDERS, **{name.lower(): value.strip() for name, value in SET.findall(text)}}

    def sliced(found: re.Match[str]) -> str:
        value = known.get(found[1].lower())
        return found[0] if value is None else _slice(value, int(found[2]), found[3])

    def named(found: re.Match[str]) -> str:
        return str(known.get((found[1] or found[2] or found[3]).lower(), found[0]))

    return NAMED.sub(named, SLICE.sub(sliced, text))[:READ]


def _slice(value: str, start: int, length: str | None) -> str:
    rest = value[start:] if abs(start) <= len(value) else value if start < 0 else ""
    return rest if length is None else rest[: int(length)]


def _plain_paths(text: str) -> str:
    if "/" in text:
        text = re.sub(r"\b[A-Za-z]:/[^\s\"',;|<>]*", lambda found: found[0].replace("/", "\\"), text)
        text = re.sub(r"\bHK(?:LM|CU|CR|U):?/[^\s\"',;|<>]*", _key_path, text, flags=re.IGNORECASE)
    if "\\" not in text:
        return text
    if "?\\" in text or "\\.\\" in text:
        text = re.sub(r"\\\\[?.]\\(?=[A-Za-z]:)|\\\?\?\\(?=[A-Za-z]:)", "", text)
        text = re.sub(r"(?<=[\w:])\\\.(?=\\\w)", "", text)
    if "\\\\" in text:
        text = re.sub(r"(?<=[\w:.%)])\\{2,}(?=[\w.$])", r"\\", text)
    for _ in range(min(DEEP, text.count("\\..\\"))):
        text = re.sub(r"\\[^\\/:\"<>|\s.][^\\/:\"<>|]{0,80}\\\.\.(?=\\)", "", text)
    return _long_names(_volumes(text))


def _key_path(found: re.Match[str]) -> str:
    return found[0].replace("/", "\\").replace(":", "", 1)


def _volumes(text: str) -> str:
    if "\\device\\" not in text.lower() and "\\systemroot\\" not in text.lower():
        return text
    text = re.sub(r"\\Device\\HarddiskVolume\d+(?=\\)", "C:", text, flags=re.IGNORECASE)
    return re.sub(r"(?<![\w%])\\SystemRoot(?=\\)", r"C:\\Windows", text, flags=re.IGNORECASE)


SHORT = {"1": "Program Files", "2": "Program Files (x86)", "3": "ProgramData"}


def _long_names(text: str) -> str:
    return (
        text
        if "~" not in text
        else re.sub(r"\bPROGRA~([123])(?=[\\\"]|$)", lambda found: SHORT[found[1]], text, flags=re.IGNORECASE)
    )


FIRST_SLASHED = re.compile(f"{SLASHED}[^|&]*", re.IGNORECASE)
FIRST_DASHED = re.compile(f"{DASHED}[^|&]*", re.IGNORECASE)


def _usual_switches(text: str) -> str:
    """Write switches with the sign that the program's own manual gives them."""
    if " /" not in text and " -" not in text:
        return text
    text = FIRST_SLASHED.sub(lambda found: re.sub(r"(?<=\s)/(?=[A-Za-z])", "-", found[0]), text)
    return FIRST_DASHED.sub(lambda found: re.sub(r"(?<=\s)-(?=[A-Za-z?])", "/", found[0]), text)


SPACES = re.compile(r"\$\{IFS[^}]{0,20}\}|\$IFS(?:\$\d)?")
BRACES = re.compile(r"\{([\w./~-]+(?:,[^{}\s,]+)+)\}")
ASSIGNED = re.compile(r"(?:^|[;&\s'\"])([A-Za-z_]\w{0,40})=['\"]?([^\s;&'\"$]{1,200})['\"]?(?=[;&\s])")


def _unix(text: str) -> str:
    text = SPACES.sub(" ", text)
    text = re.sub(r"\$'((?:\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|[^'\\])*)'", _by_number, text)
    known = dict(ASSIGNED.findall(text))
    if known:
        text = re.sub(r"\$\{?([A-Za-z_]\w{0,40})\}?", lambda found: known.get(found[1], found[0]), text)[:READ]
    text = re.sub(r"(?<=\w)\$[@*](?=\w)", "", text)
    text = BRACES.sub(
        lambda found: found[1].replace(",", " ") if "/" in found[0] or "-" in found[0] else found[0], text
    )
    text = _unquoted_words(text)
    text = re.sub(r"(?<![\\$'\"(\w])([a-z]+)\\(?=[a-z]{2})", r"\1", text)
    return re.sub(r"(?<!:)/(?:\./)*/+(?=\w)|(?<=\w)/(?:\./)+", "/", text)


def _by_number(found: re.Match[str]) -> str:
    def letter(code: re.Match[str]) -> str:
        return chr(int(code[1], 16) if code[1] else int(code[2], 8) & 255)

    return re.sub(r"\\x([0-9a-fA-F]{2})|\\([0-7]{1,3})", letter, found[1])


FORMAT = re.compile(
    r"\(?\s*['\"]((?:[^{}'\"]|\{\d{1,2}\}){2,400})['\"]\s*-f\s*((?:['\"][^'\"]{0,200}['\"]\s*,?\s*){1,40})\)?"
)
LETTER = re.compile(
    r"\[char\]\s*\(?\s*(0x[0-9a-f]{1,4}|\d{1,5})\s*\)?|\bchrw?\(\s*(&h[0-9a-f]{1,4}|\d{1,5})\s*\)", re.IGNORECASE
)
CODES = re.compile(r"fromcharcode\(\s*((?:(?:0x[0-9a-f]{1,4}|\d{1,5})\s*,?\s*){2,400})\)", re.IGNORECASE)
NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


def _joined_pieces(text: str) -> str:
    """Put together what is written in pieces, by the numbers of letters or in another order."""
    if not re.search(r"['\")\]]\s*[+&]|\[char\]|chrw?\(|fromcharcode|-f\b", text, re.IGNORECASE):
        return text
    text = LETTER.sub(lambda found: f"'{_letter(found[1] or found[2])}'", text)
    text = CODES.sub(
        lambda found: "'" + "".join(map(_letter, re.findall(r"0x[0-9a-f]+|\d+", found[1], re.IGNORECASE))) + "'", text
    )
    text = FORMAT.sub(_formatted, text)
    return re.sub(r"'\s*[+&]\s*'|\"\s*[+&]\s*\"", "", text)


def _letter(number: str) -> str:
    value = int(re.sub(r"(?i)^(?:0x|&h)", "", number), 16 if number[:2].lower() in ("0x", "&h") else 10)
    return chr(value) if 31 < value < 0xD800 else " "


def _formatted(found: re.Match[str]) -> str:
    parts = re.findall(r"['\"]([^'\"]*)['\"]", found[2])
    told = re.sub(r"\{(\d{1,2})\}", lambda one: parts[int(one[1])] if int(one[1]) < len(parts) else one[0], found[1])
    return f"'{told}'"


ODD_PATH = re.compile(
    r"^(?:\\\\[?.]\\|\\\?\?\\|\\Device\\|\\SystemRoot\\|%\w|[A-Za-z]:/)|\bPROGRA~\d|.\w\\\\|\\\.{1,2}\\", re.IGNORECASE
)


def plainer_path(path: str) -> tuple[str, ...]:
    """Return the usual spelling of a path that the log spells in another way; none for most paths."""
    if not ODD_PATH.search(path[:READ]):
        return ()
    plain = plain_path(path)
    return () if plain == path else (plain,)


def plain_path(path: str) -> str:
    """Return a path as Windows shows it: by the letter of its drive, without steps back and forth."""
    text = path[:READ]
    if re.match(r"[A-Za-z]:/|%\w+%/", text):
        text = text.replace("/", "\\")
    return _plain_paths(_variables(text)) + path[READ:]
