"""What a workspace can be named."""

import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.logs import workspaces

from .conftest import approved


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("azure:0000", "is no workspace id"),
        ("AZURE:0000", "is no workspace id"),
        ("", "names no workspace"),
        ("splunk:prod", "`sample`, a folder"),
        ("no/such/folder", "`sample`, a folder"),
    ],
)
async def test_a_name_that_opens_nothing_says_what_is_accepted(spec, said, open_logs):
    with pytest.raises(OperatorError, match=said) as error:
        async with open_logs(spec):
            pass
    assert error.value.exit_status == 2
    assert "\n" not in str(error.value)


async def test_the_sample_is_made_once_and_can_be_asked(tmp_path, open_logs, monkeypatch):
    monkeypatch.setattr(workspaces, "SAMPLE_ROWS", 3_000)
    counts = []
    for _ in range(2):
        async with open_logs("sample") as logs:
            result = await logs.run(approved("SigninLogs | count"), timeout=60)
            counts += [row["Count"] for row in result.rows.to_pylist()]
            assert logs.spec == "sample"
    assert counts[0] == counts[1] > 0
    made = [path for path in (tmp_path / "data" / "sample").iterdir() if path.is_dir()]
    assert len(made) == 1
    assert (made[0] / "truth.json").exists()
