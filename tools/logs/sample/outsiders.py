"""Places outside the company from which it is reached. The addresses are from documentation ranges."""

from __future__ import annotations

from .tenant import Office

__all__ = ["AMSTERDAM", "BUCHAREST", "LAGOS", "LISBON"]

BUCHAREST = Office("Bucharest", "Bucuresti", "RO", 2, "203.0.113.140", "", 44.427, 26.102, "64510")
LAGOS = Office("Lagos", "Lagos", "NG", 1, "198.51.100.213", "", 6.524, 3.379, "64511")
AMSTERDAM = Office("Amsterdam", "North Holland", "NL", 1, "203.0.113.201", "", 52.368, 4.904, "64505")
LISBON = Office("Lisbon", "Lisboa", "PT", 0, "192.0.2.231", "", 38.722, -9.139, "64507")
