"""What a workspace can be named."""

import pytest

from soc_analyst.state.errors import OperatorError


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("azure:0000", "not available yet"),
        ("AZURE:0000", "not available yet"),
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
