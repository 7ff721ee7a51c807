"""Rounds of a pipeline: steps that follow one another, what each read and made, and which of them is next.

Pure. What a step does, what its inputs are and where records are kept is put in by the command line, so that a round
that was killed goes on by doing the same again.
"""
