"""The ledger: who did what, so that it can be answered years later (PS3.15 Section A.5)."""
