"""What administrators do to a cluster, as a client of its nodes: any nodes, not only those of this package.

Plans are pure functions of what the nodes said (`allocation`, `affinity`, `resharding`, `open_slots`,
`coverage`); carrying them out is apart from them.
"""
