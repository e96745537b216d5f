"""What no pack holds and nobody can rebuild: a second database, every commit of it on the medium before it is told."""
