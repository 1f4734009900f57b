"""The command line's commands, one module each: what it is called with and what it does.

A command module has `HELP`, a line for the list of commands; `add_arguments`, which adds to the command's parser; and
`run`. It imports what is heavy when it runs, so that help and `info` answer at once.
"""
