"""The commands of the command line, one module each.

A command module has `HELP`, a line for the list of commands; `add_arguments`, which adds to the command's parser; and
`run`. It imports what is heavy when it runs, so that help and `info` answer at once.
"""
