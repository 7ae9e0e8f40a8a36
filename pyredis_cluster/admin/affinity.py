"""Anti-affinity: replicas belong on other hosts than their primary, and than each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, MutableMapping, Sequence
from random import Random

from pyredis_cluster.admin.topology import Node

BESIDE_PRIMARY = 10000
"""Weight of a replica on its primary's host; that of one beside another replica of the same primary is 1."""

_TRIES_PER_NODE = 500


def affinity_score(primary_of: Mapping[Node, Node], nodes: Sequence[Node]) -> tuple[int, list[Node]]:
    """How bad a layout is (0: perfect), and for each host and primary at fault the first replica there.

    O(number of nodes).
    """
    groups: dict[tuple[str, Node], list[Node]] = defaultdict(list)
    for node in nodes:
        groups[node.address.host, primary_of.get(node, node)].append(node)
    score = 0
    offenders = []
    for (_, primary), group in groups.items():
        if len(group) < 2:
            continue
        score += BESIDE_PRIMARY * (len(group) - 1) if primary in group else len(group)
        offenders.append(next(node for node in group if node is not primary))
    return score, offenders


def optimize_affinity(primary_of: MutableMapping[Node, Node], nodes: Sequence[Node], random: Random) -> int:
    """Swap the primaries of random pairs of replicas until the layout is perfect; returns the score reached.

    A swap that makes things worse is taken back; one that changes nothing is not, as it may take several.
    Ends after 500 tries per node. (redis-cli: the same.)
    """
    score, offenders = affinity_score(primary_of, nodes)
    for _ in range(_TRIES_PER_NODE * len(nodes)):
        if not offenders:
            break
        one = random.choice(offenders)
        others = [node for node in nodes if node in primary_of and node is not one]
        if not others:
            break
        other = random.choice(others)
        primary_of[one], primary_of[other] = primary_of[other], primary_of[one]
        new_score, new_offenders = affinity_score(primary_of, nodes)
        if new_score > score:
            primary_of[one], primary_of[other] = primary_of[other], primary_of[one]
        else:
            score, offenders = new_score, new_offenders
    return score
