"""What `queries` and `live` have in common: the processes they start, the shop and the Stripe they play,
and how they ask Prometheus. Standard library only; everything listens on loopback.

The shop writes its orders with kcat, since the topic `orders` is Kafka's."""
import hashlib, hmac, http.server, json, os, re, shutil, signal, socket, ssl, subprocess, sys, tempfile
import threading, time
import urllib.error, urllib.parse, urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOL = Path(sys.argv[0]).name
API_KEY = "rk_test_of_the_stand_in"
# The certificate is of Caddy's own authority, made a second ago.
TRUST = ssl._create_unverified_context()
DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=TRUST))


def fail(text):
    sys.exit(f"{TOOL}: {text}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def get(url, timeout=5):
    with DIRECT.open(url, timeout=timeout) as answer:
        return answer.read().decode()


def until(what, ask, seconds=60):
    """The first answer that is true; what is refused or unreadable is asked again."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = ask()
            if found:
                return found
        except (OSError, ValueError, KeyError):
            pass
        if time.monotonic() > end:
            fail(f"{what} did not come about within {seconds} s")
        time.sleep(0.1)


class Stack:
    """Processes with a folder of their own. Whatever was started is ended, by its pid."""

    def __init__(self, *programs):
        binary = shutil.which(sys.argv[1] if len(sys.argv) > 1 else "trueup")
        missing = [program for program in programs if not shutil.which(program)]
        if missing:
            fail(f"not installed: {', '.join(missing)}; all are Debian packages")
        if not binary:
            fail("no binary `trueup`; build it, and give its path")
        self.binary = str(Path(binary).resolve())
        self.work = Path(tempfile.mkdtemp(prefix=f"trueup-{TOOL}-"))
        self.running = []
        self.api = StripeApi()
        self.ports = {name: free_port() for name in ("http", "ops", "kafka", "proxy", "stats", "admin", "web")}
        self.ops = f"127.0.0.1:{self.ports['ops']}"
        self.kafka = f"127.0.0.1:{self.ports['kafka']}"
        self.site = f"https://localhost:{self.ports['proxy']}/webhooks/stripe"
        self.prometheus = f"http://127.0.0.1:{self.ports['web']}"
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.running):
            self.end(process)
        if kind and kind is not SystemExit or os.environ.get("TRUEUP_KEEP_LOGS"):
            print(f"{TOOL}: logs are in {self.work}", file=sys.stderr)
        else:
            shutil.rmtree(self.work, ignore_errors=True)

    def start(self, name, *command, stdin=subprocess.DEVNULL, **variables):
        with open(self.work / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command, stdin=stdin, stdout=log, stderr=log, cwd=HERE, env={**os.environ, **variables})
        self.running.append(process)
        return process

    def end(self, process, hard=False):
        (process.kill if hard else process.terminate)()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process in self.running:
            self.running.remove(process)

    def dev(self, *flags, faults=None, ready=True):
        """Starts `trueup dev` on the same ports and the same data as before."""
        flags = list(flags)
        if faults:
            (self.work / "faults").write_text(faults)
            flags += ["--broker-faults", str(self.work / "faults")]
        process = self.start(
            "trueup", self.binary, "dev", "--data-dir", str(self.work / "data"),
            "--http", f"127.0.0.1:{self.ports['http']}", "--ops", self.ops, "--kafka-listen", self.kafka,
            "--livemode", "false", "--ready-file", str(self.work / "ready"), *flags,
            STRIPE_API_KEY=API_KEY, STRIPE_API_BASE=self.api.url)
        if ready:
            until("trueup dev", lambda: process.poll() is not None or (self.work / "ready").exists())
        else:
            until("its ops listener", lambda: process.poll() is not None or get(f"http://{self.ops}/metrics"))
        if process.poll() is not None:
            fail(f"trueup dev ended: {tail(self.work / 'trueup.log')}")
        self.secret = until("the secret", lambda: (self.work / "data/webhook-secret").read_text().strip())
        return process

    def caddy(self):
        # The one change: no listener on port 80, which may be somebody's, and no authority installed.
        text = (HERE / "caddy/Caddyfile").read_text()
        config = self.work / "Caddyfile"
        config.write_text(text.replace(
            "\tservers {", "\tauto_https disable_redirects\n\tskip_install_trust\n\tservers {", 1))
        home = str(self.work / "caddy")
        self.start("caddy", "caddy", "run", "--adapter", "caddyfile", "--config", str(config),
                   HOME=home, XDG_DATA_HOME=home, XDG_CONFIG_HOME=home,
                   TRUEUP_SITE=f"https://localhost:{self.ports['proxy']}",
                   TRUEUP_GATEWAYS=f"127.0.0.1:{self.ports['http']}",
                   TRUEUP_HEALTH_PORT=str(self.ports["ops"]),
                   TRUEUP_CADDY_ADMIN=f"127.0.0.1:{self.ports['admin']}",
                   TRUEUP_CADDY_METRICS_PORT=str(self.ports["stats"]))
        until("Caddy", lambda: get(f"http://127.0.0.1:{self.ports['stats']}/health") is not None)

    def start_prometheus(self, scrape, rules, alerting=""):
        targets = self.work / "targets.json"
        self.scrape_gateway(True)
        config = self.work / "prometheus.yml"
        config.write_text(f"""
global: {{scrape_interval: {scrape}, scrape_timeout: {scrape}, evaluation_interval: {scrape}}}
rule_files: [{json.dumps(str(rules))}]
{alerting}
scrape_configs:
  - job_name: fakestore-api
    metrics_path: /actuator/prometheus
    file_sd_configs: [{{files: [{json.dumps(str(targets))}], refresh_interval: 5s}}]
  - job_name: caddy
    static_configs: [{{targets: ["127.0.0.1:{self.ports['stats']}"]}}]
""")
        self.start("prometheus", "prometheus", f"--config.file={config}",
                   f"--storage.tsdb.path={self.work / 'tsdb'}", "--rules.alert.resend-delay=1s",
                   f"--web.listen-address=127.0.0.1:{self.ports['web']}")
        until("Prometheus", lambda: get(f"{self.prometheus}/-/ready"))
        until("the scrape of both", lambda: len(self.ask("up == 1")[0]) == 2)

    def scrape_gateway(self, yes):
        part = self.work / "targets.part"
        part.write_text(json.dumps([{"targets": [self.ops] if yes else []}]))
        part.rename(self.work / "targets.json")

    def ask(self, query):
        """The series, and why there are none."""
        try:
            url = f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
            return json.loads(get(url))["data"]["result"], None
        except urllib.error.HTTPError as refused:
            return [], json.loads(refused.read())["error"]

    def post(self, event, secret=None, raw=None):
        """One delivery through Caddy: its status."""
        body = raw or json.dumps(event).encode()
        now = int(time.time())
        key = (secret or self.secret).encode()
        code = hmac.new(key, f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={now},v1={code}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.site, data=body, headers=headers, method="POST")
        try:
            with DIRECT.open(request, timeout=12) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def kcat(self, *arguments, text=b""):
        done = subprocess.run(["kcat", "-b", self.kafka, *arguments], input=text, timeout=30,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            fail(f"kcat: {done.stderr.decode().strip()}")

    def write_orders(self, *orders):
        """What the shop's order service says of its orders: (id, status, amount due, currency)."""
        now = int(time.time() * 1000)
        lines = [f"{order}\t" + json.dumps({
            "order_id": order, "status": status, "amount_due": due, "currency": currency,
            "version": now, "updated_at": now}) for order, status, due, currency in orders]
        if lines:
            self.kcat("-P", "-t", "orders", "-K", "\t", "-X", "partitioner=murmur2_random",
                      text="\n".join(lines).encode())

    def put_right(self):
        """The shop comes to and corrects every order that has a gap."""
        gaps = json.loads(get(f"http://{self.ops}/api/v1/gaps?limit=1000"))["items"]
        orders = []
        for order in {gap["order_id"] for gap in gaps if gap.get("order_id")}:
            told = json.loads(get(f"http://{self.ops}/api/v1/orders/{urllib.parse.quote(order, safe='')}"))
            received, refunded = told["amount_received"], told["amount_refunded"]
            status = "refunded" if refunded and refunded >= received else "paid" if received else "canceled"
            orders.append((order, status, received - (0 if status == "refunded" else refunded),
                           told.get("currency") or "eur"))
        self.write_orders(*orders)
        return len(orders)


def tail(path, lines=4):
    return " / ".join(path.read_text(errors="replace").strip().splitlines()[-lines:])


def event(kind, name, order, amount=4200, livemode=False, status="succeeded", created=None):
    created = created or int(time.time())
    return {
        "id": f"evt_{name}", "object": "event", "type": kind, "created": created,
        "api_version": "2026-07-29.dahlia", "livemode": livemode, "pending_webhooks": 1,
        "data": {"object": {
            "id": f"pi_{name}", "object": "payment_intent", "status": status, "amount": amount,
            "amount_received": amount if status == "succeeded" else 0, "currency": "eur",
            "livemode": livemode, "created": created, "metadata": {"order_id": order}}},
    }


def paid(name, order, **more):
    return event("payment_intent.succeeded", name, order, **more)


def begun(name, order, **more):
    """A payment that nobody owes anything for yet: it opens no gap."""
    return event("payment_intent.created", name, order, status="requires_payment_method", **more)


class StripeApi:
    """A stand-in for Stripe's API: lists the events that were never delivered, and may be away."""

    def __init__(self):
        self.events, self.away, self.payments = [], False, {}
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = api.answer(self.path)
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.url = serve(Handler)

    def answer(self, target):
        path, _, query = target.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        missing = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
        if self.away:
            return 500, {"error": {"type": "api_error", "message": "away"}}
        if path.startswith("/v1/payment_intents/"):
            found = self.payments.get(path.rpartition("/")[2])
            return (200, found) if found else (404, missing)
        if path != "/v1/events":
            return 404, missing
        since, before = int(asked.get("created[gte]", 0)), int(asked.get("created[lt]", 1 << 60))
        shown = [one for one in reversed(self.events)
                 if since <= one["created"] < before and asked.get("delivery_success") != "true"]
        if "starting_after" in asked:
            ids = [one["id"] for one in shown]
            shown = shown[ids.index(asked["starting_after"]) + 1:]
        limit = int(asked.get("limit", 10))
        return 200, {"object": "list", "url": "/v1/events", "has_more": len(shown) > limit,
                     "data": shown[:limit]}


def serve(handler):
    """Serves on a free port until the process ends; its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def seconds(text):
    """A duration of Prometheus in seconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|[smhdw])", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
