"""Places orders on the page to try the API on, as a user does, in a headless Chromium.

    try_it.py URL FOLDER

Leaves `try-it.png` and `try-it-problem.png` in FOLDER.
"""

import json
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 20


def chromium(*arguments: str) -> webdriver.Chrome:
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        # There is none for root, which CI is, and nothing foreign is opened.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--window-size=1280,1600",
        *arguments,
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


class Page:
    """The page, at the operation `POST /orders`."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self._driver = driver
        self._wait = WebDriverWait(driver, SECONDS)
        driver.get(f"{url}/docs")
        path = self._find(".opblock-post [data-path='/orders']")
        self._operation = path.find_element(By.XPATH, "./ancestor::div[contains(@class, 'opblock-post')]")
        self._operation.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
        self._find(".try-out__btn").click()

    def _find(self, selector: str) -> WebElement:
        return self._wait.until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))

    def execute(self, body: str) -> tuple[str, dict]:
        """Sends the body; status and content of the response that the page shows."""
        for old in self._operation.find_elements(By.CSS_SELECTOR, ".btn-clear"):
            old.click()
            self._wait.until(lambda _: not self._operation.find_elements(By.CSS_SELECTOR, ".live-responses-table"))
        text = self._find(".body-param__text")
        text.send_keys(Keys.CONTROL, "a")
        text.send_keys(body)
        self._operation.find_element(By.CSS_SELECTOR, ".btn.execute").click()
        status = self._find(".live-responses-table tbody .response-col_status").text
        content = self._find(".live-responses-table tbody .response-col_description .highlight-code code").text
        return status.split()[0], json.loads(content)

    def screenshot(self, path: Path) -> None:
        self._driver.execute_script("arguments[0].scrollIntoView()", self._operation)
        self._driver.save_screenshot(str(path))


def order(url: str, order_id: int) -> dict:
    with urllib.request.urlopen(f"{url}/orders/{order_id}", timeout=SECONDS) as response:
        return json.load(response)


def requests(driver: webdriver.Chrome) -> list[str]:
    """What the browser has asked for."""
    logged = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [it["params"]["request"]["url"] for it in logged if it["method"] == "Network.requestWillBeSent"]


def check(expected: object, found: object, what: str) -> None:
    if expected != found:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def check_hosts(url: str, asked: list[str]) -> None:
    """All that the page needs comes from the server itself."""
    here = urlsplit(url).netloc
    split = [urlsplit(it) for it in asked]
    # What is in the address itself is asked of nobody.
    elsewhere = [it.geturl() for it in split if it.netloc != here and it.scheme not in ("data", "blob")]
    check([], elsewhere, "requests to other hosts")
    paths = {it.path for it in split if it.netloc == here}
    for path in ("/docs", "/docs/swagger-ui-bundle.js", "/openapi.json", "/orders"):
        check(True, path in paths, f"`{path}` was asked for, among {sorted(paths)}")


def check_console(driver: webdriver.Chrome) -> None:
    errors = [it["message"] for it in driver.get_log("browser") if it["level"] == "SEVERE"]
    # That the answer to a bad body is a 422 is told there, too; and that the desk has no icon, for which browsers always ask.
    errors = [it for it in errors if "/orders " not in it and "/favicon.ico " not in it]
    check([], errors, "errors in the console")


def main(url: str, folder: Path) -> None:
    driver = chromium()
    try:
        page = Page(driver, url)

        status, placed = page.execute('{"article": "lamp", "pieces": 2, "note": "by hand"}')
        page.screenshot(folder / "try-it.png")
        check("201", status, "the status of an order")
        order_id = placed.get("order_id")
        check({"order_id": order_id, "article": "lamp", "pieces": 2, "note": "by hand"}, placed, "the order shown")
        check(placed, order(url, order_id), "the order at the desk")

        status, problem = page.execute('{"article": "lamp", "pieces": "two"}')
        page.screenshot(folder / "try-it-problem.png")
        check("422", status, "the status of a bad body")
        check("pieces", problem.get("field"), "the field that the problem names")

        check_console(driver)
        check_hosts(url, requests(driver))
    finally:
        driver.quit()
    print("an order and a problem, as they should be")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
