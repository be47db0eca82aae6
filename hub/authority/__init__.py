"""Who may do what: officers, keys and the policy that alone answers "may I?"."""
