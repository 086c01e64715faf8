"""What runs as a process of its own: clients and servers in Python, and what peers are given to perform."""
