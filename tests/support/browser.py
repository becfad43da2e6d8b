"""Pages in headless Chromium: what it draws, asks for and complains about."""

import html
import json
import re
import shutil
import subprocess

import pytest

PROBE = """<script>
window.addEventListener("load", () => {
  const found = {
    pictures: [...document.images].map(image => image.complete && image.naturalWidth > 1),
    requests: performance.getEntriesByType("resource").map(entry => entry.name),
    width: document.documentElement.scrollWidth, window: window.innerWidth,
    text: document.body.innerText,
  };
  const node = document.createElement("pre");
  node.id = "probe";
  node.textContent = JSON.stringify(found);
  document.body.appendChild(node);
});
</script>"""


def look(page, folder, width=1400):
    """Opens a page of HTML: its pictures (whether drawn), requests, console lines, width, window and text."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    path = folder / "page.html"
    path.write_text(page.replace("</html>", f"{PROBE}</html>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--window-size={width},900"]
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [program, *flags, profile, "--virtual-time-budget=3000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (found,) = re.findall(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found)) | {"console": console}


def assert_complete(page, folder, pictures, width=1400):
    """The page draws its pictures, asks for nothing, complains about nothing, and fits the window. Returns its text."""
    found = look(page, folder, width)
    assert found["console"] == []
    assert found["requests"] == []
    assert found["pictures"] == [True] * pictures
    assert found["width"] <= found["window"]
    return found["text"]
