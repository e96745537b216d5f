"""From stored values to pictures: the display pipeline of PS3.3 and PS3.4 Annex N, and the encodings of pictures."""
