"""A practice Polygon on loopback: REST and websockets, recorded or made-up prices, faults on demand."""
