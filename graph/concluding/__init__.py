"""From rows to a report: what is examined, judged, judged again and made again."""
