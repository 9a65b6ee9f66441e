"""`make up`: one terminal, one Ctrl-C, everything an instance needs.

The launcher prepares the data folder, then keeps three children: the broker, the web server and the worker. Each
child is held by a leash (leash.py), a tiny process that ends its child when the launcher is gone, however it went.
"""
