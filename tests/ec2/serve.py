"""Serves the EC2 API's describe calls on loopback until standard input closes. Prints its URL once it listens."""

import logging
import sys

from moto.server import ThreadedMotoServer

# What a request met is for the caller to say, not for our standard error.
logging.disable(logging.CRITICAL)

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
server.stop()
