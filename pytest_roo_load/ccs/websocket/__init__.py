"""The WebSocket side: ``protocol`` frames, ``connection`` one device, ``hub`` all of this instance, ``relay`` the others.

``endpoint`` is the route ``/ws`` that puts them together.
"""
