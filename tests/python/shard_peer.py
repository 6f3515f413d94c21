"""Writes or checks keys through rb or txredisapi.

    shard_peer.py partition|consistent|ring write|read COUNT SOCKET:DB...
    shard_peer.py names HOSTS

HOSTS is a JSON list of what rb's hosts are made of; their names come out as a list.
Key k<n> has the value v<n>; some keys have tags, blanks and letters beyond ASCII.
"""

import json
import re
import sys

import redis


def keys(count):
    shapes = ["k{}", "ünïcode {}", "x{{{}}}y", "{{{}}}y", "a{{b{}}}{{c}}"]
    return [shapes[n % len(shapes)].format(n) for n in range(count)]


def through_rb(router, hosts, action, count):
    import rb
    from rb.router import ConsistentHashingRouter, PartitionRouter

    routers = {"partition": PartitionRouter, "consistent": ConsistentHashingRouter}
    hosts = {
        number: {"unix_socket_path": path, "db": int(db)}
        for number, (path, db) in enumerate(hosts)
    }
    cluster = rb.Cluster(hosts, router_cls=routers[router])
    with cluster.map() as client:
        if action == "write":
            for n, key in enumerate(keys(count)):
                client.set(key, "v%d" % n)
            return
        found = [client.get(key) for key in keys(count)]
    for n, promise in enumerate(found):
        assert promise.value == b"v%d" % n, (n, promise.value)


class Node:
    """What txredisapi's ring wants to see of a connection."""

    def __init__(self, path, db):
        self.uuid = path
        self._factory = self
        self.redis = redis.Redis(unix_socket_path=path, db=int(db))


def through_txredisapi(hosts, action, count):
    # Its sharded methods fail under Python 3: the ring alone chooses the node.
    from txredisapi import HashRing

    ring = HashRing([Node(path, db) for path, db in hosts])
    tag = re.compile(r".+\{(.*)\}.*")
    for n, key in enumerate(keys(count)):
        match = tag.match(key)
        node = ring((match.groups()[0] if match else key).encode())
        if action == "write":
            node.redis.set(key, "v%d" % n)
        else:
            assert node.redis.get(key) == b"v%d" % n, n


def names(hosts):
    import rb

    cluster = rb.Cluster(hosts=dict(enumerate(hosts)))
    print(json.dumps([repr(host) for _, host in sorted(cluster.hosts.items())]))


def main():
    if sys.argv[1] == "names":
        return names(json.loads(sys.argv[2]))
    router, action, count, *hosts = sys.argv[1:]
    hosts = [host.rsplit(":", 1) for host in hosts]
    if router == "ring":
        through_txredisapi(hosts, action, int(count))
    else:
        through_rb(router, hosts, action, int(count))


main()
