"""How a take is brought into being: the desk gives servers out, the ledger remembers, a watch says when to stop."""
