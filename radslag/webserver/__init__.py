"""The server in front of both webs: gunicorn's processes, uvicorn's event loop, Flask in threads.

A request is received in full before it costs a thread, an answer is written without one, and
whoever is slow is dropped at a deadline (`protocol`). docs/decisions/011 says why these parts.
"""
