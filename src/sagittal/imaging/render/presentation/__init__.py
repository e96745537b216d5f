"""Softcopy presentation states: images shown as somebody left them (PS3.3 Sections C.10 and C.11, PS3.4 Annex N).

`references` says which images a state shows and is light; the rest is for workers: `attributes` puts what a state says
in the place of what the image says, `graphics` reads what is drawn, `placement` knows where, `presenting` makes the
picture.
"""
