"""Ten thousand GETs over four servers through rb: microseconds a round.

    map_rb.py ROUNDS SOCKET...
"""

import statistics
import sys
import time

import rb

KEYS = ["user:%d" % n for n in range(10_000)]


def main(rounds, *sockets):
    hosts = {n: {"unix_socket_path": path} for n, path in enumerate(sockets)}
    cluster = rb.Cluster(hosts)
    with cluster.map() as client:
        for n, key in enumerate(KEYS):
            client.set(key, "%016d" % n)
    times = []
    for _ in range(int(rounds)):
        before = time.perf_counter()
        with cluster.map() as client:
            got = [client.get(key) for key in KEYS]
        assert sum(len(promise.value) for promise in got) == 160_000
        times.append(time.perf_counter() - before)
    print("us", statistics.median(times) * 1e6)


main(*sys.argv[1:])
