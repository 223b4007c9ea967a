"""Reading one delivered file: which format it is, whether it is safe, and its rows as text.

Belongs here: formats, encodings, archives, headers, and what becomes of a row that cannot
be read. Does not belong here: which files make a delivery (sources/deliveries.py), what is
done with the rows (sources/landing.py), or what a value means (sources/conforming.py).
"""
