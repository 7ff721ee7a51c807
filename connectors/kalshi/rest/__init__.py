"""Every read and write of the venue's REST API that the engine uses, one module a subject."""
