"""Rules about tasks. Calls ask for `tasks_api_access`; the others are kept because policy files name them."""

from intaglio.authz.rules.base import ADMIN, Rule

TASK_RULES = (
    Rule("get_task", "rule:default", "Show a task.", "nothing", old="rule:default", since="Xena"),
    Rule("get_tasks", "rule:default", "List tasks.", "nothing", old="rule:default", since="Xena"),
    Rule("add_task", "rule:default", "Create a task.", "nothing", old="rule:default", since="Xena"),
    Rule("modify_task", "rule:default", "Change a task.", "nothing"),
    Rule("tasks_api_access", ADMIN, "Every call on tasks.", "nothing"),
)
