"""A practice Tradier: a pure core of orders and money (``core``), and an ASGI shell that speaks its protocols.

Facts come from Tradier's public documents and from measurements that others published. Where neither says anything the
choice made here is named in ``docs/practice-tradier.md``.
"""
