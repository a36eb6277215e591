"""A stack in one file, for a machine without a network: `collecting` finds what belongs to it, `archive` writes and reads the file,
`unpacking` puts it where a stack can be brought up.
"""
