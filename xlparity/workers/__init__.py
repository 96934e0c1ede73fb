"""A function applied to many arguments, in processes of their own that may crash, hang or take too much memory.

`pool` runs them on this machine, `cluster` on a Ray cluster. Both know nothing of workbooks.
"""
