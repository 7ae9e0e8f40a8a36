"""Looking a cluster over: do all agree, is a slot open, is one without owner, or with several."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyredis_cluster.admin.describe import describe_node, describe_slots, node_as_json
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import ReplyError
from pyredis_cluster.admin.joining import is_consistent
from pyredis_cluster.admin.live import LiveCluster
from pyredis_cluster.admin.open_slots import Holding
from pyredis_cluster.protocol.slots import SLOT_COUNT


@dataclass(slots=True)
class Findings:
    """What is wrong; `errors` are the lines that were said of it.

    `multiple_owners` has what each primary holds of a slot that several own or have keys of; it stays empty
    unless looked for.
    """

    cluster: LiveCluster
    errors: list[str] = field(default_factory=list)
    agrees: bool = True
    open_slots: list[int] = field(default_factory=list)
    uncovered: list[int] = field(default_factory=list)
    multiple_owners: dict[int, list[Holding]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.agrees and not (self.open_slots or self.uncovered or self.multiple_owners)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "nodes": [node_as_json(node) for node in self.cluster.nodes],
            "unreachable_masters": self.cluster.unreachable_primaries,
            "errors": [error.strip() for error in self.errors],
            "agrees": self.agrees,
            "open_slots": self.open_slots,
            "uncovered_slots": describe_slots(self.uncovered),
            "slots_with_multiple_owners": describe_slots(self.multiple_owners),
        }


class Checker:
    """The checks, each of which says and notes what it finds. Raises AdminError where one cannot be asked."""

    def __init__(self, environment: Environment, cluster: LiveCluster) -> None:
        self._console = environment.console
        self._cluster = cluster
        self.findings = Findings(cluster)

    def check_agreement(self, *, shows_nodes: bool = True) -> None:
        """Show the nodes, and say whether all agree on the slots."""
        self._console.info(f">>> Performing Cluster Check (using node {self._cluster.first})")
        if shows_nodes:
            for node in self._cluster.nodes:
                self._console.write(describe_node(node) + "\n")
        try:
            self.findings.agrees = is_consistent(self._cluster.views())
        except ReplyError:
            self.findings.agrees = False
        if self.findings.agrees:
            self._console.success("[OK] All nodes agree about slots configuration.")
        else:
            self._note("[ERR] Nodes don't agree about configuration!")

    def check_open_slots(self) -> None:
        """Say which slots are migrating or importing anywhere."""
        self._console.info(">>> Check for open slots...")
        found: set[int] = set()
        for node in self._cluster.nodes:
            for state, table in (("migrating", node.migrating), ("importing", node.importing)):
                if table:
                    slots = ",".join(map(str, table))
                    self._note(f"[WARNING] Node {node} has slots in {state} state {slots}.")
                    found |= table.keys()
        self.findings.open_slots = sorted(found)
        if found:
            self._console.error(
                f"[WARNING] The following slots are open: {','.join(map(str, sorted(found)))}."
            )

    def check_coverage(self) -> None:
        """Say whether each slot has an owner."""
        self._console.info(">>> Check slots coverage...")
        self.findings.uncovered = self._cluster.uncovered_slots()
        if self.findings.uncovered:
            self._note(f"[ERR] Not all {SLOT_COUNT} slots are covered by nodes.\n")
        else:
            self._console.success(f"[OK] All {SLOT_COUNT} slots covered.")

    def find_multiple_owners(self) -> dict[int, list[Holding]]:
        """Slots that more than one primary owns or has keys of, with what all primaries hold of each."""
        self._console.info(">>> Check for multiple slot owners...")
        return {
            slot: holdings
            for slot, holdings in self._cluster.holdings(range(SLOT_COUNT)).items()
            if sum([held.owns or held.key_count > 0 for held in holdings]) > 1
        }

    def say_owners(self, slot: int, holdings: list[Holding]) -> None:
        """Say who all has a slot."""
        owners = [held.node for held in holdings if held.owns or held.key_count]
        self._console.error(f"[WARNING] Slot {slot} has {len(owners)} owners:")
        for node in owners:
            self._console.error(f"    {node}")

    def _note(self, text: str) -> None:
        self.findings.errors.append(text)
        self._console.error(text)


def check_cluster(
    environment: Environment,
    cluster: LiveCluster,
    *,
    shows_nodes: bool = True,
    searches_owners: bool = False,
) -> Findings:
    """All checks; changes nothing. Raises AdminError where a node cannot be asked."""
    checker = Checker(environment, cluster)
    checker.check_agreement(shows_nodes=shows_nodes)
    checker.check_open_slots()
    checker.check_coverage()
    if searches_owners:
        found = checker.find_multiple_owners()
        checker.findings.multiple_owners = found
        for slot, holdings in found.items():
            checker.say_owners(slot, holdings)
        if not found:
            environment.console.success("[OK] No multiple owners found.")
    return checker.findings
