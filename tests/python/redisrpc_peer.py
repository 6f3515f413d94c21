"""A peer of redisrpc, written from the description of its wire.

    redisrpc_peer.py SOCKET serve QUEUE
        Serves a calculator; prints "ready"; ends with the function `quit`.
    redisrpc_peer.py SOCKET call QUEUE NAME ARGS KWARGS SECONDS
        Prints the response, or "timeout".
    redisrpc_peer.py SOCKET pickle QUEUE NAME SECONDS
        As call, with a pickled request.
"""

import json
import pickle
import random
import string
import sys

import redis


class Calculator:
    def __init__(self):
        self.accumulator = 0.0

    def clr(self):
        self.accumulator = 0.0
        return self.accumulator

    def add(self, number):
        self.accumulator += number
        return self.accumulator

    def div(self, number):
        self.accumulator /= number
        return self.accumulator

    def pair(self, a, b):
        return [a, b]


def serve(bus, queue):
    calculator = Calculator()
    print("ready", flush=True)
    while True:
        _, text = bus.blpop([queue], timeout=0)
        request = json.loads(text)
        call = request["function_call"]
        if call["name"] == "quit":
            bus.rpush(request["response_queue"], json.dumps({"return_value": None}))
            return
        try:
            function = getattr(calculator, call["name"])
            value = function(*call.get("args", []), **call.get("kwargs", {}))
            response = {"return_value": value}
        except Exception as error:
            response = {"exception": repr(error)}
        bus.rpush(request["response_queue"], json.dumps(response))


def call(bus, queue, name, args, kwargs, seconds, dumps=json.dumps):
    unique = "".join(random.choice(string.ascii_uppercase + string.digits) for _ in range(8))
    function_call = {"name": name}
    if args:
        function_call["args"] = args
    if kwargs:
        function_call["kwargs"] = kwargs
    responses = "%s:rpc:%s" % (queue, unique)
    bus.rpush(queue, dumps({"function_call": function_call, "response_queue": responses}))
    popped = bus.blpop([responses], timeout=seconds)
    print(popped[1].decode() if popped else "timeout", flush=True)


def main():
    bus = redis.Redis(unix_socket_path=sys.argv[1])
    what, queue = sys.argv[2:4]
    if what == "serve":
        serve(bus, queue)
    elif what == "pickle":
        call(bus, queue, sys.argv[4], [], {}, float(sys.argv[5]), dumps=pickle.dumps)
    else:
        name, args, kwargs, seconds = sys.argv[4:8]
        call(bus, queue, name, json.loads(args), json.loads(kwargs), float(seconds))


if __name__ == "__main__":
    main()
