"""Who is there and what they may do: accounts, what proves them, what they handed out, and the porter of the doors.

Functions that change the records take a `Connection` and the time, and are run inside `Records.write`, so that the line
of the ledger can be written in the same transaction.
"""
