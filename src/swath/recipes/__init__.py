"""What joins floors that may not see each other: one function a command or stage, each in a file of its own.

Nothing is imported here, so that a command loads only what it needs.
"""
