"""A plain http.server, of an IPv4-only or an IPv6-only host: its log has who asked, address and port, one a line.

Arguments: address, port, file of the log.
"""

import http.server
import json
import socket
import socketserver
import sys
import time
from pathlib import Path


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET

    def server_bind(self) -> None:
        """Without asking for a name of its own."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = sys.argv[1], int(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"hello {self.path}\n".encode()
        line = {
            "address": self.client_address[0],
            "port": self.client_address[1],
            "path": self.path,
            "time": time.time(),
        }
        with Path(sys.argv[3]).open("a") as log:
            log.write(json.dumps(line) + "\n")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
