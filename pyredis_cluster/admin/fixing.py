"""`fix`: the checks, each followed by mending what it found."""

from __future__ import annotations

from pyredis_cluster.admin.checking import Checker, Findings
from pyredis_cluster.admin.console import confirm
from pyredis_cluster.admin.coverage import cover_empty, cover_multiple, cover_single, sort_uncovered
from pyredis_cluster.admin.describe import describe_slots
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, ReplyError
from pyredis_cluster.admin.executing import Executor
from pyredis_cluster.admin.joining import wait_until_up
from pyredis_cluster.admin.live import LiveCluster
from pyredis_cluster.admin.moving import MoveOptions
from pyredis_cluster.admin.open_slots import FixPlan, plan_multiple_owners, plan_open_slot
from pyredis_cluster.admin.steps import Step

_CLUSTER_DOWN = "CLUSTERDOWN"


class Fixer:
    """Mends a cluster. Raises AdminError where a node cannot be asked, or where mending would be dangerous.

    `forces` mends although primaries are unreachable: their slots go to others, their data is lost.
    """

    def __init__(
        self, environment: Environment, cluster: LiveCluster, options: MoveOptions, *, forces: bool
    ) -> None:
        self._environment = environment
        self._console = environment.console
        self._cluster = cluster
        self._forces = forces
        self._checker = Checker(environment, cluster)
        self._executor = Executor(environment, cluster, options)
        self._is_mended = False
        self._postponed: list[int] = []
        self._has_failed = False

    def fix(self, *, searches_owners: bool) -> tuple[Findings, bool]:
        """Check and mend; returns what was found at first, and whether all of it is mended."""
        findings = self._checker.findings
        self._checker.check_agreement()
        self._checker.check_open_slots()
        if findings.open_slots:
            self._fix_open_slots(findings.open_slots)
        self._checker.check_coverage()
        if findings.uncovered:
            self._fix_coverage(findings.uncovered)
        if self._postponed:
            self._finish_open_slots()
        if searches_owners:
            self._fix_multiple_owners()
        # Nodes that did not agree do so once what they did not agree on is mended.
        return findings, not self._has_failed and (findings.agrees or self._is_mended)

    def _fix_open_slots(self, slots: list[int]) -> None:
        self._require_all_primaries("open slots")
        holdings = self._cluster.holdings(slots)
        for slot in slots:
            try:
                self._execute(plan_open_slot(slot, holdings[slot]))
            except ReplyError as error:
                if not error.text.startswith(_CLUSTER_DOWN):
                    self._fail(error)
                    return
                # Nodes move no keys while a slot lacks an owner, which is mended next.
                self._console.error(str(error))
                self._postponed.append(slot)
            except AdminError as error:
                self._fail(error)
                return

    def _finish_open_slots(self) -> None:
        holdings = self._cluster.holdings(self._postponed)
        for slot in self._postponed:
            if not self._carry_out(plan_open_slot(slot, holdings[slot])):
                return

    def _fix_coverage(self, slots: list[int]) -> None:
        self._require_all_primaries("slots coverage")
        self._console.info(">>> Fixing slots coverage...")
        uncovered = sort_uncovered(self._cluster.holdings(slots))
        primaries = self._cluster.primaries
        cover_these, moves = cover_multiple(uncovered.multiple)
        choices = (
            (
                "The following uncovered slots have no keys across the cluster:",
                "Fix these slots by covering with a random node?",
                uncovered.empty,
                cover_empty(uncovered.empty, lambda: self._environment.random.choice(primaries)),
            ),
            (
                "The following uncovered slots have keys in just one node:",
                "Fix these slots by covering with those nodes?",
                uncovered.single,
                cover_single(uncovered.single),
            ),
            (
                "The following uncovered slots have keys in multiple nodes:",
                "Fix these slots by moving keys into a single node?",
                uncovered.multiple,
                cover_these,
            ),
        )
        for heading, question, affected, plans in choices:
            if not plans:
                continue
            self._console.write(f"{heading}\n{describe_slots(affected)}\n")
            # --cluster-yes does not answer this: somebody has to have seen which slots they are.
            if not confirm(self._console, question):
                self._has_failed = True
            elif not self._carry_out_all("Covering slots", plans):
                return
        if not self._has_failed:
            wait_until_up(self._environment, self._cluster)
            self._carry_out_all("Moving keys", moves)

    def _carry_out_all(self, label: str, plans: list[list[Step]]) -> bool:
        with self._console.progress(label, len(plans)) as progress:
            for steps in plans:
                if not self._carry_out(FixPlan(steps)):
                    return False
                progress.advance()
        return True

    def _fix_multiple_owners(self) -> None:
        found = self._checker.find_multiple_owners()
        self._checker.findings.multiple_owners = found
        for slot, holdings in found.items():
            self._checker.say_owners(slot, holdings)
            if not self._carry_out(plan_multiple_owners(slot, holdings)):
                self._console.error(f"Failed to fix multiple owners for slot {slot}")
                return
        self._console.success("[OK] No multiple owners found.")

    def _carry_out(self, plan: FixPlan) -> bool:
        """Take the steps; returns whether the slot is mended. What fails is said."""
        try:
            self._execute(plan)
        except AdminError as error:
            self._fail(error)
            return False
        return True

    def _execute(self, plan: FixPlan) -> None:
        self._executor.run(plan.steps)
        if plan.failure:
            raise AdminError(plan.failure)
        self._is_mended = True

    def _fail(self, error: AdminError) -> None:
        self._console.error(str(error))
        self._has_failed = True

    def _require_all_primaries(self, what: str) -> None:
        count = self._cluster.unreachable_primaries
        if count and not self._forces:
            raise AdminError(
                f"*** Fixing {what} with {count} unreachable masters is dangerous: redis-cli will assume "
                "that slots about masters that are not reachable are not covered, and will try to reassign "
                "them to the reachable nodes. This can cause data loss and is rarely what you want to do. If "
                "you really want to proceed use the --cluster-fix-with-unreachable-masters option."
            )
