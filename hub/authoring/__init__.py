"""The author kit: `new` makes a plugin from the template beside it, `check` holds an installed one to its contract."""
