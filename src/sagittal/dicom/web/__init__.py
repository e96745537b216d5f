"""PS3.18 grammar: multipart bodies, content types, content negotiation, search queries."""
