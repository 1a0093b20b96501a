"""Python's ForkingTCPServer, one echo per line: the peer of the model `process`. Usage: forking_server.py HOST:PORT"""
import socketserver, sys


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            self.wfile.write(line)


class Server(socketserver.ForkingTCPServer):
    allow_reuse_address, request_queue_size, max_children = True, 512, 128


host, port = sys.argv[1].rsplit(":", 1)
Server((host, int(port)), Echo).serve_forever()
