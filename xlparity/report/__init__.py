"""A report as text or bytes; no judgement here."""
