"""One route: its pools of targets, and the order in which a call tries them."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from switch_grpc.call import STICKY_KEYS, Call
from switch_grpc.request import Head, Need
from switch_grpc.routing.balance import Rotation, order, unfit
from switch_grpc.routing.budget import RetryBudget
from switch_grpc.routing.gate import Gate, GatePolicy
from switch_grpc.routing.target import Target, soonest


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSpec:
    """How far a call may go from its first target."""

    enabled: bool = True
    max_targets: int | None = None  # fallback.maxAttempts: how many targets are tried; None: all
    on_content_filter: bool = False  # a prompt that one provider filters is put to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A route as configured."""

    name: str
    aliases: tuple[str, ...] = ()
    default: bool = False  # takes the names that no route has
    sticky: bool = False
    sticky_keys: tuple[str, ...] = STICKY_KEYS  # what names a session, the first that a call has
    fallback: FallbackSpec = field(default_factory=FallbackSpec)
    max_in_flight: int | None = None

    def session(self, call: Call, head: Head) -> str | None:
        """The session that a call belongs to, if it names one in a way that counts here."""
        named = {"x-session-id": call.sticky_key, "user": head.user, "metadata.session_id": head.session_id}
        return next((named[key] for key in self.sticky_keys if named[key]), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """A pool as configured; a route without pools has one, unnamed."""

    id: str = ""
    strategy: str = "priority-based"
    min_healthy: int = 1  # with fewer healthy targets the pool is passed over
    max_cost_per_token: float | None = None  # US dollars
    derived: bool = False  # of downgrades: not one of those that operators listed


class Pool:
    """Targets that are balanced among themselves."""

    __slots__ = ("_fit", "rotation", "spec", "targets")

    def __init__(self, spec: PoolSpec, targets: Sequence[Target]) -> None:
        self.spec = spec
        self.targets = tuple(targets)
        self.rotation = Rotation()
        ceiling = spec.max_cost_per_token
        self._fit = [target for target in targets if unfit(target, ceiling) is None]

    def ranked(
        self, targets: list[Target], sticky_key: str | None, now: float, rng: random.Random
    ) -> list[Target]:
        """These of its targets in the order in which to try them; the first counts as picked."""
        return order(self.spec.strategy, targets, self.rotation, now, rng, sticky_key)

    def fit(self, needs: Need = Need.NONE) -> list[Target]:
        """Its targets but for those that no state of things would let it ask for what is needed."""
        if needs is Need.NONE:  # flags are slow to compare
            return self._fit
        return [target for target in self._fit if not target.lacks & needs.value]

    def sorted_out(self, tokens: int, now: float, needs: Need) -> tuple[list[Target], list[Target]]:
        """Its targets that are fit, and those of them that may be asked now."""
        fit = self.fit(needs)
        return fit, [target for target in fit if target.refusal(now, tokens) is None]

    def misses_its_best(self, fit: Sequence[Target], well: Sequence[Target]) -> bool:
        """Whether none of those `well` is first choice, so that any answer is second choice.

        Only priorities make a first choice; by the other strategies any target may be.
        """
        if len(well) == len(fit) or self.spec.strategy != "priority-based":
            return not well
        best = min(target.priority for target in fit)
        return all(target.priority != best for target in well)

    def thin(self, now: float) -> bool:
        """Whether fewer of its targets are healthy than it needs."""
        return sum(target.healthy(now) for target in self.targets) < self.spec.min_healthy


@dataclass(slots=True)
class Candidates:
    """The targets of one call, in order."""

    targets: list[Target]
    detoured: bool  # those that would have come first, were they well, are not among them

    def fallback(self, target: Target) -> bool:
        """Whether an answer from `target` is a fallback's."""
        return self.detoured or target is not self.targets[0]


class Route:
    """A route's pools, primary first, and what its calls share."""

    __slots__ = ("_several", "budget", "gate", "pools", "spec", "targets")

    def __init__(self, spec: RouteSpec, pools: Sequence[Pool]) -> None:
        self.spec = spec
        self.pools = tuple(pools)
        self.targets = tuple(target for pool in pools for target in pool.targets)
        self._several = sum(not pool.spec.derived for pool in pools) > 1
        self.budget = RetryBudget()
        self.gate = Gate(GatePolicy(limit=spec.max_in_flight))

    @property
    def strategy(self) -> str:
        """The primary pool's."""
        return self.pools[0].spec.strategy

    def adopt(self, before: "Route", now: float) -> None:
        """Takes over the state of the same route in the configuration before this one."""
        self.budget = before.budget
        self.gate = before.gate
        self.gate.adopt(GatePolicy(limit=self.spec.max_in_flight), now)
        rotations = {pool.spec.id: pool.rotation for pool in before.pools}
        for pool in self.pools:
            pool.rotation = rotations.get(pool.spec.id, pool.rotation)
        known = {(target.key, target.spec.identity): target for target in before.targets}
        for target in self.targets:
            if (same := known.get((target.key, target.spec.identity))) is not None:
                target.adopt(same, now)

    def preview(self, *, sticky_key: str | None, now: float) -> list[Target]:
        """The order that a call would get now, without counting as one."""
        shadow = Route(self.spec, [Pool(pool.spec, pool.targets) for pool in self.pools])
        for pool, original in zip(shadow.pools, self.pools, strict=True):
            pool.rotation = copy.deepcopy(original.rotation)
        chance = random.Random(0)  # noqa: S311  # the same answer for the same question
        found = shadow.candidates(fallback=True, sticky_key=sticky_key, tokens=0, now=now, rng=chance)
        return found.targets

    def soonest(self, now: float, tokens: int = 0, needs: Need = Need.NONE) -> float | None:
        """Seconds until a target may be asked again, 1 to 60; None where none will be by itself."""
        return soonest([target for pool in self.pools for target in pool.fit(needs)], now, tokens)

    def lacking(self, needs: Need) -> Need:
        """Those of the needs that no target can meet; all of them where no target meets all at once."""
        if not needs or any(not target.lacks & needs.value for target in self.targets):
            return Need.NONE
        nobody = needs
        for target in self.targets:
            nobody &= target.spec.lacks
        return nobody or needs

    def candidates(
        self,
        *,
        fallback: bool,
        sticky_key: str | None,
        tokens: int,
        now: float,
        rng: random.Random,
        needs: Need = Need.NONE,
    ) -> Candidates:
        """The admissible targets in order: pool after pool, each by its own strategy.

        One whose model cannot do what is needed is left out, which makes no answer a fallback's.
        A pool with too few healthy targets is passed over while another has any; its targets then come last,
        since one that answers is better than none. `fallback=False` asks one target and no other: the best
        of those that can be asked.
        """
        limit = self.spec.fallback.max_targets if fallback and self.spec.fallback.enabled else 1
        if len(self.pools) == 1:
            fit, well = self.pools[0].sorted_out(tokens, now, needs)
            found = self.pools[0].ranked(well, sticky_key, now, rng) if well else []
            return Candidates(found[:limit], self.pools[0].misses_its_best(fit, well))
        ranked: list[Target] = []
        last: list[Target] = []  # of pools that are passed over
        passed_over = False  # a target that would have come before all in `ranked`
        for pool in self.pools:
            if limit is not None and len(ranked) >= limit:
                break  # a pool that is not needed does not count a pick
            fit, well = pool.sorted_out(tokens, now, needs)
            thin = self._several and pool.thin(now)
            if not ranked:
                passed_over = passed_over or thin or pool.misses_its_best(fit, well)
            if well:
                (last if thin else ranked).extend(pool.ranked(well, sticky_key, now, rng))
        if not ranked and last:
            passed_over = last[0] not in self.pools[0].targets
        ranked += last
        return Candidates(ranked[:limit], passed_over)
