"""The lecture's sheets, one module a sheet."""
