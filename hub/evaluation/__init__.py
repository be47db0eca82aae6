"""Published test sets in, figures out. It cannot open a camera, a list or a live hub."""
