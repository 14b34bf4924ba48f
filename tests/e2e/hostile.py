"""Opens pages of an attacker in a headless Chromium, which try to place orders at a server, and looks that none was placed.

    hostile.py URL

The pages are served at two other origins: `localhost`, which is another site than the server's `127.0.0.1`, and `127.0.0.1`
with another port, which is the same site. A third one, `evil.example`, is an attacker's name that leads to the server itself,
as by DNS rebinding.
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from try_it import SECONDS, check, chromium

REBOUND = "evil.example"

PAGE = """<!doctype html>
<form id=form method=post action="{url}/orders?article=tea&pieces=3"><button>Win a prize</button></form>
<form id=plain method=post enctype=text/plain action="{url}/orders">
  <input name='{{"article":"tea","pieces":3,"note":"' value='"}}'></form>
"""

# Each resolves to what the page learns: a status, 0 for an answer that it may not read, or the error.
FETCHES = {
    "a simple request": "fetch(url + '/orders?article=tea&pieces=3', {method: 'POST', mode: 'no-cors'})",
    "a simple request with cookies": """fetch(url + '/orders', {
        method: 'POST', mode: 'no-cors', credentials: 'include', headers: {'content-type': 'text/plain'},
        body: '{"article":"tea","pieces":3}'})""",
    "JSON, which asks before": """fetch(url + '/orders', {
        method: 'POST', headers: {'content-type': 'application/json'}, body: '{"article":"tea","pieces":3}'})""",
    "a deletion, which asks before": "fetch(url + '/orders/1', {method: 'DELETE'})",
    "reading": "fetch(url + '/orders')",
}


class Attacker(BaseHTTPRequestHandler):
    url = ""

    def do_GET(self) -> None:  # noqa: N802
        page = PAGE.format(url=self.url).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


def orders(url: str) -> list:
    with urllib.request.urlopen(f"{url}/orders", timeout=SECONDS) as response:
        return json.load(response)


def place(url: str) -> None:
    body = json.dumps({"article": "tea", "pieces": 1}).encode()
    request = urllib.request.Request(f"{url}/orders", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=SECONDS).close()


def submit(driver: webdriver.Chrome, page: str, form: str) -> dict:
    """Has the user send a form; the answer, which a browser shows whatever the origin."""
    driver.get(page)
    driver.execute_script(f"document.querySelector('#{form}').submit()")
    WebDriverWait(driver, SECONDS).until(lambda driver: urlsplit(driver.current_url).path == "/orders")
    return json.loads(driver.find_element(By.TAG_NAME, "body").text)


def fetch(driver: webdriver.Chrome, url: str, call: str) -> object:
    script = """const [url, call, done] = arguments;
        eval(call).then(answer => done(answer.status), () => done('refused'))"""
    return driver.execute_async_script(script, url, call)


def attack(driver: webdriver.Chrome, url: str, page: str) -> None:
    for form in ("form", "plain"):
        check(403, submit(driver, page, form).get("status"), f"the form `{form}` of {page}")
    driver.get(page)
    for name, call in FETCHES.items():
        learned = fetch(driver, url, call)
        check(True, learned in (0, "refused"), f"{name} from {page} learns nothing, but {learned!r}")
    check(1, len(orders(url)), f"orders, after {page}")


def main(url: str) -> None:
    Attacker.url = url
    attacker = ThreadingHTTPServer(("127.0.0.1", 0), Attacker)
    threading.Thread(target=attacker.serve_forever, daemon=True).start()
    place(url)
    driver = chromium(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1")
    driver.set_script_timeout(SECONDS)
    try:
        for host in ("localhost", "127.0.0.1"):
            attack(driver, url, f"http://{host}:{attacker.server_port}/")
        driver.get(f"http://{REBOUND}:{urlsplit(url).port}/orders")
        answer = json.loads(driver.find_element(By.TAG_NAME, "body").text)
        check(421, answer.get("status"), "the answer to a host that was rebound")
        learned = fetch(driver, "", FETCHES["JSON, which asks before"])
        check(421, learned, "an order from a host that was rebound")
        check(1, len(orders(url)), "orders in the end")
    finally:
        driver.quit()
    print("pages of others have ordered nothing")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
