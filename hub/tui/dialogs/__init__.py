"""What is asked for over a screen: who somebody is, why, whether to leave. One dialog a file."""
