"""The judgement: torch's values for a map, bounds, comparison, origin of errors."""
