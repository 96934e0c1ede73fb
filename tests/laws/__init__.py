"""What holds for any formula, workbook or number."""

from hypothesis import settings

__all__ = ["examples"]


def examples(usual: int) -> int:
    """How many examples of a law to try where `usual` is right for every day: more by --hypothesis-profile=long."""
    return usual * settings.default.max_examples // 100
