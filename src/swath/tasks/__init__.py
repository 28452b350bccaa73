"""Tasks: the target tensors, head and losses of each job; they see networks only as modules that are handed in."""

from __future__ import annotations

from swath.tasks.scene import SceneNetwork, SceneOptions, SceneTask
from swath.tasks.task import Parts, State, Task

__all__ = ["Parts", "SceneNetwork", "SceneOptions", "SceneTask", "State", "Task"]
