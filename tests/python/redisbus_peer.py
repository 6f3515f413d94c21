"""A peer of redisbus, written from the description of its wire.

    redisbus_peer.py SOCKET worker SITE TYPE ID
        Serves add, stream, boom and the built-in commands; prints "ready".
    redisbus_peer.py SOCKET call ADDRESS COMMAND DATA SECONDS
        Prints one reply a line. ADDRESS: a key to push to, or channel:KEY.
"""

import json
import sys
import time
import uuid

import redis

LIFE = 10


def push(bus, key, message, life=LIFE):
    bus.rpush(key, json.dumps(message))
    bus.expire(key, life)


class Worker:
    def __init__(self, bus, site, kind, worker_id):
        self.bus = bus
        self.id = worker_id
        self.key = "worker:%s:%s:%s" % (site, kind, worker_id)
        self.queues = ["direct:" + worker_id, "group:%s:%s" % (site, kind)]
        self.info = {
            "site": site, "id": worker_id, "type": "Peer", "worker": kind, "uptime": -10.0,
            "path": "/", "spawner": None, "cwd": "/", "username": None, "interval": 0.05,
            "logs": [], "files": [],
        }
        self.channel = bus.pubsub(ignore_subscribe_messages=True)
        self.channel.subscribe("rpc:worker:" + site)
        while self.channel.get_message(timeout=1) is None and not self.channel.subscribed:
            pass
        self.active = True

    def register(self):
        self.bus.hset("workers", self.key, self.id)
        self.bus.set(self.key, json.dumps(self.info), ex=60)

    def loop(self):
        self.register()
        print("ready", flush=True)
        while self.active:
            # As the original does: the newest first.
            popped = self.bus.brpop(self.queues, timeout=0.05)
            if popped:
                self.serve(json.loads(popped[1]))
            published = self.channel.get_message()
            if published:
                self.serve(json.loads(published["data"]))
        self.bus.hdel("workers", self.key)
        self.bus.delete(self.key)

    def reply(self, message, data):
        correlation = message["c"]
        push(self.bus, "reply:" + correlation, {"c": correlation, "d": data, "i": self.id})

    def stream(self, message, items):
        correlation = message["c"]
        key = "reply:" + correlation
        count = 0
        for item in items:
            self.bus.rpush(key, json.dumps({"c": correlation, "d": item, "i": self.id, "z": count}))
            count += 1
        push(self.bus, key, {"c": correlation, "d": None, "i": self.id, "z": -1}, max(LIFE * count, 300))

    def serve(self, message):
        command, data = message["x"], message.get("d")
        if command == "ping":
            self.reply(message, data)
        elif command == "info":
            self.reply(message, dict(self.info, commands=["add", "info", "ping", "stop"], success=True))
        elif command == "stop":
            self.reply(message, {"success": True, "msg": "OK"})
            self.active = False
        elif command == "add":
            self.reply(message, data["a"] + data["b"])
        elif command == "stream":
            self.stream(message, (n * n for n in range(data)))
        elif command == "boom":
            self.reply(message, {"success": False, "msg": "boom ü \U0001f600"})
        else:
            self.reply(message, {"success": False, "msg": "Unknown command function 'cmd_%s'" % command})


def call(bus, address, command, data, seconds):
    letter = "b" if address.startswith("channel:") else "c"
    correlation = "%s:%s" % (letter, str(uuid.uuid4()).split("-")[-1])
    message = {"x": command, "d": data, "c": correlation, "i": ""}
    if letter == "b":
        bus.publish(address[len("channel:"):], json.dumps(message))
    else:
        push(bus, address, message)
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        popped = bus.blpop(["reply:" + correlation], timeout=left) if left > 0.01 else None
        if popped is None:
            return
        reply = json.loads(popped[1])
        assert reply["c"] == correlation, reply
        if reply.get("z") == -1:
            assert reply["d"] is None, reply
            return
        yield reply
        if "z" not in reply and letter == "c":
            return


def main():
    bus = redis.Redis(unix_socket_path=sys.argv[1], decode_responses=True)
    if sys.argv[2] == "worker":
        Worker(bus, *sys.argv[3:6]).loop()
        return
    address, command, data, seconds = sys.argv[3:7]
    for reply in call(bus, address, command, json.loads(data), float(seconds)):
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
