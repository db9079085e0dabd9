"""The domain: lifecycles, entities, rules and decisions, without a database, a clock or a framework.

Read it in this order. Five files carry the idea:

1. `lifecycles/machine.py`: a state machine as data, the statuses of one kind of entity with the edges between them.
2. `lifecycles/lifecycle.py`: the machines of a task and its instances, and the effect of an instance on its task.
3. `entities/task.py`: a task as the result of its events, and the events that it can emit.
4. `entities/task_instance.py`: the same for an instance, which is one attempt at a task.
5. `decisions/decide.py`: every proposal goes through one function, with a worked example.

Then, as needed: `decisions/` has a file for each part of a decision, `rules/` the rules that lifecycles name and the
engine that nests them, `entities/events.py` all events, `auditing/` the checks of a log that exists already
(replay, violations, what-if), and `errors.py` every error with what to do about it.
"""
