"""Labelling in a browser: a page on loopback. Needs starlette and uvicorn (`pip install activeloop[web]`)."""
