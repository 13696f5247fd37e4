"""Microsoft Sentinel incidents from confirmed findings: what would be written, a yes bound to it, and the writing.

Nothing in a graph comes here: a person asks for it, for a finished case, at the command line.
"""
