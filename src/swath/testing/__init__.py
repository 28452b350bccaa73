"""Contract suites for every seam, and builders of small examples; for the tests of whoever implements a seam.

One module a seam, importing only what that seam needs: `testing.source`, `testing.format`. Builders are in
`testing.build`. Suites raise `AssertionError` with a sentence; nothing in the package itself imports them.
"""

from __future__ import annotations
