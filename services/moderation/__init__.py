"""Moderation weighs ideas: machines sort, people decide.

`tasks` checks what came in; `app` makes the desk, where people decide.
"""
