"""`allocs rebuild`: other people's trees, built again with our compilers (R17).

`look` gathers what there is, `plan` decides what to do, `execute` does it, `judge` says whether it is what was
expected, `results` and `junit` show it. Only `look` and `execute` touch anything.
"""
