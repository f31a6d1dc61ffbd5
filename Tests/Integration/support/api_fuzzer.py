"""Requests that Schemathesis makes out of kmsd's OpenAPI description, sent to a real kmsd and checked against it."""

import random
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import api_recipes
import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks as _  # noqa: F401  registers the checks

NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@dataclass
class Report:
    """What became of the requests of one caller."""

    statuses: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return sum(counter.total() for counter in self.statuses.values())

    @property
    def granted(self) -> int:
        return sum(count for counter in self.statuses.values() for status, count in counter.items() if status < 300)

    def shares(self) -> str:
        """Such as `200: 41 %, 400: 30 %`."""
        totals = sum(self.statuses.values(), Counter())
        return ", ".join(f"{status}: {100 * count / self.requests:.1f} %" for status, count in sorted(totals.items()))

    def granted_operations(self) -> set[str]:
        return {label for label, counter in self.statuses.items() if any(status < 300 for status in counter)}


class APIFuzzer:
    def __init__(self, description: Path, server, app_key: str):
        self._schema = schemathesis.openapi.from_path(str(description))
        self.operations = [result.ok() for result in self._schema.get_all_operations()]
        self._server = server
        self._ca_file = str(server.ca_file)
        # Callers for `run`. The administrator will be in several accounts; this session is in the first.
        self.admin = server.admin_session()
        self.app = server.connect(f"Basic {app_key}")
        self.app_key = app_key
        self._stock = api_recipes.Stock(server, app_key)
        self._checks = [CHECKS.get_one(name) for name in NAMES]

    def run(self, caller, per_operation: int, seed: int) -> Report:
        """Sends so many requests to each operation; `caller` is a connection with its credential."""
        report = Report()
        with requests.Session() as session, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for operation in self.operations:
                # kmsd ends connections that were not used for a while.
                for connection in (caller, self.app, self._stock.admin):
                    connection.close()
                self._run_one(operation, caller, session, report, per_operation, seed)
        return report

    def _run_one(self, operation, caller, session, report, count, seed):
        positive = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        strategies = [positive, positive]
        if operation.body or operation.path_parameters or operation.query:
            strategies.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=count, database=None, deadline=None, phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck), print_blob=False,
        )
        @hypothesis.given(case=st.one_of(strategies), number=st.integers(0, 2**48))
        def send(case, number):
            dice = random.Random(number)
            self._enliven(case, operation.label, caller, dice)
            headers = {"Authorization": self._authorization(case, operation.label, caller)}
            response = case.call(base_url=self._server.url, session=session, headers=headers, timeout=60, verify=self._ca_file)
            report.statuses[operation.label][response.status_code] += 1
            try:
                # 501 is no accident: it says what this kmsd does not have. It must be described like any other status.
                checks = self._checks[1:] if response.status_code == 501 else self._checks
                case.validate_response(response, checks=checks)
            except (Failure, FailureGroup) as problem:
                reasons = problem.exceptions if isinstance(problem, FailureGroup) else [problem]
                for reason in reasons:
                    key = f"{operation.label}: {response.status_code} {type(reason).__name__}"
                    report.failures.setdefault(key, f"{reason}\n{case.as_curl_command()[:600]}\n{response.text[:300]}")

        send()

    def _enliven(self, case, label, caller, dice):
        if dice.random() < 0.85:
            for name, value in api_recipes.path_parameters(label, self._stock, caller, dice).items():
                if name in (case.path_parameters or {}):
                    case.path_parameters[name] = value
        if "continuation_token" in (case.query or {}) and dice.random() < 0.6:
            # Any other than an earlier answer's is refused.
            case.query["continuation_token"] = ""
        if dice.random() < 0.6:
            case.body = api_recipes.body(label, case.body, self._stock, caller, dice)

    def _authorization(self, case, label, caller) -> str:
        """The caller's own, but for requests that end or begin sessions or are a certain user's own."""
        app = f"Basic {self.app_key}"
        if label.endswith(("/process_invite", "/change_password")):
            return self._stock.guest_authorization
        if label == "DELETE /sys/v1/accounts/{id}" and caller.authorization != app:
            return self._stock.authorizations.get(case.path_parameters["id"], caller.authorization)
        if label.endswith("/session/auth"):
            return app
        if "/session/" in label and ("select" not in label or caller.authorization == app):
            session = self.app.expect(200, "POST", "/sys/v1/session/auth")
            return f"Bearer {session.json()['access_token']}"
        return caller.authorization
