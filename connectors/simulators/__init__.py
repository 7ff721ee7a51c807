"""Practice venues: exchanges on loopback that answer like the real ones, for tests and for learning without money."""
