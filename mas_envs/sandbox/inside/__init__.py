"""What runs inside a zygote: the process that forks one boxed child per program.

These modules use the standard library alone and import each other relatively, because the zygote loads them without
`mas_envs`, whose import would bring in far more than a process that is forked for every program should hold.
"""
