"""Public, private, neither."""

from __future__ import annotations

import pytest

from soc_analyst.tools.detections.statistics.addresses import is_address, is_private, is_public


@pytest.mark.parametrize("value", ["45.77.10.20", "203.0.113.9", "2606:4700::1111", "::ffff:45.77.10.20"])
def test_public(value: str) -> None:
    assert (is_public(value), is_private(value)) == (True, False)


@pytest.mark.parametrize("value", ["10.0.0.1", "192.168.7.7", "172.16.0.9", "fd00::1", "::ffff:10.0.0.1"])
def test_private(value: str) -> None:
    assert (is_public(value), is_private(value)) == (False, True)


@pytest.mark.parametrize("value", ["127.0.0.1", "169.254.1.1", "224.0.0.251", "0.0.0.0", "ff02::1", "fe80::1"])
def test_neither(value: str) -> None:
    assert (is_address(value), is_public(value), is_private(value)) == (True, False, False)


@pytest.mark.parametrize("value", ["", "web-01", "10.0.0", "1.2.3.4.5", "10.0.0.1/8"])
def test_no_address(value: str) -> None:
    assert not is_address(value)
