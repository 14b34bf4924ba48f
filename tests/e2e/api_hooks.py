"""What schemathesis must be told of the order desk, and what it calls a violation and is none.

Its check `positive_data_acceptance` wants every request that the schemas allow to succeed. Some must not, for reasons that a schema
cannot say. Those, and only those, are told apart here by the problem that is answered; any other refusal fails.
"""

import itertools
import json
import re
import urllib.request

import schemathesis
from schemathesis.core.failures import Failure

# JSON Schema counts 3.0 an integer, and has no word to exclude it; serde, like most that read JSON into typed fields, does not.
WHOLE_FLOAT = re.compile(r"`\w+`: invalid type: floating point `\d+\.0`, expected u\d+ at line \d+ column \d+")

# A key as the description has it; what is none is to be refused as it is.
KEY = re.compile("[!-~]{1,256}")
NUMBERS = itertools.count()


@schemathesis.auth()
class SignedIn:
    """Asks as a user who may do everything. Schemathesis finds out by itself what happens without that."""

    def get(self, case, context) -> str:
        base = case.operation.schema.get_base_url().rstrip("/")
        url = f"{base}/sessions"
        body = json.dumps({"user": "ann", "password": "darjeeling"}).encode()
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.headers["set-cookie"].split(";")[0].removeprefix("session=")

    def set(self, case, data: str, context) -> None:
        case.cookies = {**(case.cookies or {}), "session": data}


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    """Makes each `Idempotency-Key` its request's own.

    Schemathesis uses a key for many requests. What is right then it takes for wrong: that another request is refused, and that the same
    gets the answer it had, though what was made by it may be gone since. `session.py` sees to keys that come again.
    """
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{next(NUMBERS)}.{key}"[:256]


@schemathesis.hook
def filter_failure(context, failure: Failure, case, response) -> bool:
    """Whether the failure is one."""
    is_refusal = type(failure).__name__ == "RejectedPositiveData" and response.status_code == 422
    return not (is_refusal and is_beyond_schemas(response.json()))


def is_beyond_schemas(problem: dict) -> bool:
    detail = problem["detail"]
    return WHOLE_FLOAT.fullmatch(detail) is not None


@schemathesis.check
class every_operation_succeeds:
    """Refusals alone would say little. Nobody makes up a password; `SignedIn` has one, and fails without a session."""

    def __init__(self) -> None:
        self._operations: set[str] = set()
        self._succeeded: set[str] = set()

    def after_response(self, ctx, response, case) -> None:
        self._operations.add(case.operation.label)
        if 200 <= response.status_code < 300:
            self._succeeded.add(case.operation.label)

    def after_run(self, ctx) -> None:
        never = sorted(self._operations - self._succeeded - {"POST /sessions"})
        assert not never, f"never succeeded: {', '.join(never)}"
