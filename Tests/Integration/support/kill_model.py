"""What a KMS must still hold after kill -9: all that it acknowledged, and an unanswered change wholly or not at all."""

import http.client
import random
from dataclasses import dataclass, field


class Anything:
    """Equal to every value that is there: what only the KMS can know."""

    def __eq__(self, other):
        return other is not None

    __hash__ = None


class NotThis:
    """Equal to every other value: something that the KMS chose anew."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return other is not None and other != self.value

    __hash__ = None

    def __repr__(self):
        return f"NotThis({self.value!r})"


@dataclass(eq=False)
class Thing:
    """A security object, group or app that one client alone works with."""

    kind: str
    name: str
    # None while the answer to its making is missing.
    id: str | None = None
    # Attributes as last acknowledged; None: it is not there.
    state: dict | None = None
    # What the audit log must tell of it, in this order.
    trail: list[str] = field(default_factory=list)
    # Names of the secrets of an app, which a listing does not show.
    secret: object = None

    def fits(self, state: dict | None, seen: dict | None) -> bool:
        if state is None or seen is None:
            return state is seen
        return all(value == seen.get(name) for name, value in state.items())


@dataclass(eq=False)
class Change:
    """A request: the states that it leads to, all of them or none, and what the audit log says then."""

    after: dict[Thing, dict | None]
    trail: dict[Thing, str]


class Refused(Exception):
    """The KMS answered, and not as it should have."""


class Client:
    """One connection that works on things of its own until the KMS is killed.

    It has at most one request under way, so that there is at most one change whose outcome it does not know.
    """

    def __init__(self, number: int, seed: str):
        self.number = number
        self.random = random.Random(f"{seed} {number}")
        self.things: list[Thing] = []
        self.pending: Change | None = None
        self.failure: BaseException | None = None
        self.acknowledged = 0
        self._names = 0

    def work(self, rest):
        """Until the connection breaks. Anything else that goes wrong is kept in `failure`."""
        self.rest = rest
        try:
            while True:
                self.step()
        except (OSError, http.client.HTTPException):
            return
        except BaseException as error:
            self.failure = error
        finally:
            rest.close()

    def step(self):
        raise NotImplementedError

    def new_name(self) -> str:
        self._names += 1
        return f"{self.number}-{self._names}"

    def perform(self, change: Change, status: int, method: str, path: str, body=None):
        """One request that changes or uses things; answers the body of its answer."""
        self.pending = change
        answer = self.rest.ask(method, path, body)
        if answer.status != status:
            raise Refused(f"{method} {path} {body}: {answer.status} {answer.text}")
        self.took_place(change)
        self.acknowledged += 1
        return answer

    def took_place(self, change: Change):
        for thing, state in change.after.items():
            thing.state = state
            if thing not in self.things:
                self.things.append(thing)
        for thing, verb in change.trail.items():
            thing.trail.append(verb)
        self.pending = None

    def alive(self, kind: str) -> list[Thing]:
        return [thing for thing in self.things if thing.kind == kind and thing.state is not None]

    def settle(self, seen: "Seen"):
        """Compares with what the KMS shows after its restart, and takes over how the unanswered change ended."""
        change, self.pending = self.pending, None
        open_ones = change.after if change else {}
        for thing in self.things:
            if thing not in open_ones:
                found = seen.of(thing)
                assert thing.fits(thing.state, found), f"acknowledged: {thing}\nfound: {found}"
        if open_ones:
            found = {thing: seen.of(thing) for thing in open_ones}
            old = all(thing.fits(thing.state, found[thing]) for thing in open_ones)
            new = all(thing.fits(state, found[thing]) for thing, state in open_ones.items())
            assert old != new, f"neither before nor after, or both: {open_ones}\nfound: {list(found.values())}"
            if new:
                self.took_place(change)
        elif change:
            # A use, of which only the audit log knows whether it happened.
            for thing, verb in change.trail.items():
                if seen.trail(thing) == [*thing.trail, verb]:
                    thing.trail.append(verb)
        for thing in self.things:
            if thing.state is not None:
                found = seen.of(thing)
                thing.id = found["id"]
                thing.state = {name: found.get(name) for name in thing.state}
        for thing in self.things:
            assert seen.trail(thing) == thing.trail, f"audit log of {thing}"


class Seen:
    """What the KMS shows: things by kind and id, and the audit records of each id."""

    def __init__(self, things: dict[str, list[dict]], trails: dict[str, list[str]], clients: list[Client]):
        self._things = {kind: {thing["id"]: thing for thing in found} for kind, found in things.items()}
        self._names = {kind: {thing["name"]: thing for thing in found} for kind, found in things.items()}
        self._trails = trails
        self._known = {thing.id for client in clients for thing in client.things}

    def of(self, thing: Thing) -> dict | None:
        if thing.id is not None:
            return self._things[thing.kind].get(thing.id)
        found = self._names[thing.kind].get(thing.name)
        # Rotation gives the name of the old key, which is known, to the new one.
        return None if found is None or found["id"] in self._known else found

    def trail(self, thing: Thing) -> list[str]:
        return self._trails.get(thing.id, []) if thing.id else []
