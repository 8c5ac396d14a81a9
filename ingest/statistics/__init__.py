"""Tables of counts that a sender has made elsewhere: what a file of them holds and whether it is whole.

No record of a person is in them: rows have the shape of ``indicator_fact``, with their source. Both parties know the
shape (``columns``); only a site reads files (``reading``).
"""
