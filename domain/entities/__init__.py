"""Entities: tasks, task instances, arrays and runners, each the result of its events."""
