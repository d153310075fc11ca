#!/usr/bin/env python3
"""A device in Python: enrols, reads its configuration, has a worker run images or cuts and prints what comes back.

    python3 edgent_client.py --id py-1 --enrolment-token "$TOKEN" --images cifar10/test-1000.bin --frames 20
    python3 edgent_client.py --id py-1 --image photo.jpg
    python3 edgent_client.py --id py-1 --partition 4 --cut relu1.f32:1,64,15,15 --encoding u8

It runs no layer itself, and so has nothing to fall back on: what is late or refused is said to be so. One JSON object a
line. Needs python3-numpy and python3-paho-mqtt; speaks docs/wire.md.
"""
import argparse
import json
import os
import queue
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from broker_link import BrokerLink
from tensor_encoding import ENCODINGS, image_encoding
from tensor_frame import FrameError, Header, Reassembly, chunks_of, open_chunk

PROBE_TIMEOUT_S = 2
MOST_TIME_LEFT_US = 0xFFFF_FFFF
CIFAR_SIDE = 32

Content = np.ndarray | list[np.ndarray] | bytes
"""An image's bytes in planes, the tensors of a cut, or an image file."""


class GivenUp(Exception):
    """Nothing can be done for the reason given."""


@dataclass
class Reply:
    status: str
    tensors: list[np.ndarray]
    header: Header | None
    upload_bytes: int


class ControlPlane:
    """The few HTTP resources that a device needs."""

    def __init__(self, url: str) -> None:
        self._api = f"{url.rstrip('/')}/api/v1"

    def credentials(self, path: Path, device: str, enrolment_token: str | None) -> dict:
        """Those of the file, or new ones, which are kept there for the owner alone."""
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["id"] != device:
                raise GivenUp(f"{path} belongs to {kept['id']}, not to {device}")
            return kept
        if enrolment_token is None:
            raise GivenUp(f"{path} does not exist and there is no enrolment token")
        body = json.dumps({"id": device, "hardwareClass": "python-client"}).encode()
        given = json.loads(self._ask("devices", enrolment_token, body))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(given, file)
        return given

    def manifest(self, digest: str, token: str) -> dict:
        return json.loads(self._ask(f"models/{digest}/manifest", token))

    def _ask(self, path: str, token: str, body: bytes | None = None) -> bytes:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self._api}/{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise GivenUp(f"{path}: {error.code} {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise GivenUp(f"{self._api}: {error}") from error


class Offloading:
    """Asks a worker, one request at a time."""

    def __init__(self, link: BrokerLink, options: argparse.Namespace) -> None:
        self._link = link
        self._options = options
        self._sequence = 0
        self.exit = options.exit
        self.worker = ""
        self.digest = ""
        self.late: set[int] = set()
        """Sequences whose reply came when nobody waited for it any longer."""

    def ask(self, kind: str, tensors: Sequence[np.ndarray], until_s: float, encoding: str) -> Reply:
        """Sends tensors and waits for the answer; status "gave-up" where none came by `until_s` (monotonic)."""
        self._sequence += 1
        options = self._options
        header = Header(
            kind=kind,
            boot=self._link.boot,
            sequence=self._sequence,
            exit=self.exit,
            partition=options.partition,
            encoding=encoding,
            model=self.digest[len("sha256:") :][:16],
            time_left_us=min(MOST_TIME_LEFT_US, max(0, round((until_s - time.monotonic()) * 1e6))),
        )
        sent = self._link.offload(self.worker, chunks_of(header, tensors))
        reassembly = Reassembly()
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                _, message = self._link.replies.get(timeout=left_s)
                answer, payload = open_chunk(message)
                if (answer.boot, answer.sequence) != (header.boot, header.sequence):
                    self.late.add(answer.sequence)
                    continue
                whole = reassembly.accept(answer, payload)
            except queue.Empty:
                break
            except FrameError as error:
                print(f"dropped: {error}", file=sys.stderr)
                continue
            if whole is not None:
                return Reply(answer.status, whole, answer, sent)
        return Reply("gave-up", [], None, sent)

    def turn_to(self, worker: str, digest: str, exit_point: int, patience_s: float) -> None:
        """Waits until a worker has its part of the plan loaded."""
        self.worker, self.digest, self.exit = worker, digest, exit_point
        self._link.listen_to(worker)
        end_s = time.monotonic() + patience_s
        while True:
            status = self.ask("probe", [np.zeros(1, np.float32)], time.monotonic() + PROBE_TIMEOUT_S, "f32").status
            if status == "ok":
                return
            if status == "invalid":
                raise GivenUp(f"{worker} has no segment for exit {exit_point}, partition {self._options.partition}")
            if time.monotonic() > end_s:
                raise GivenUp(f"{worker} does not stand ready after {patience_s:g} s: {status}")
            time.sleep(0.2)


class Device:
    """Follows its configuration and runs frames under it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._control_plane = ControlPlane(options.control_plane)
        path = options.credentials or Path(f"{options.id}.credentials.json")
        self._credentials = self._control_plane.credentials(path, options.id, options.enrolment_token)
        self._link = BrokerLink(self._credentials)
        self._offloading = Offloading(self._link, options)
        self._configuration: dict = {"version": 0, "worker": None}
        self._manifest: dict = {}

    def run(self) -> int:
        """Runs all frames. Returns how many were answered."""
        self._link.open()
        try:
            self._follow()
            answered = 0
            for number, (name, content) in enumerate(self._frames()):
                self._follow()
                result = self._run_frame(content)
                answered += result["status"] == "ok"
                print(json.dumps({"frame": number, "name": name, **result}), flush=True)
            late = len(self._offloading.late)
            print(f"{answered} answered, {late} replies came too late", file=sys.stderr)
            return answered
        finally:
            self._link.close()

    def _run_frame(self, content: Content) -> dict:
        began_s = time.monotonic()
        tensors, encoding = self._prepare(content)
        deadline_ms = self._options.deadline or self._configuration["policy"]["deadlineMs"]
        reply = self._offloading.ask("request", tensors, began_s + deadline_ms / 1000, encoding)
        result = {
            "status": reply.status,
            "label": self._manifest["labels"][int(reply.tensors[0].argmax())] if reply.status == "ok" else None,
            "exit": self._offloading.exit,
            "partition": self._options.partition,
            "encoding": encoding,
            "configurationVersion": self._configuration["version"],
            "latencyMs": round((time.monotonic() - began_s) * 1000, 3),
            "uploadBytes": reply.upload_bytes,
        }
        if reply.header is not None:
            report = reply.header.report
            result["worker"] = {"queueMs": report.queue_us / 1000, "computeMs": report.compute_us / 1000}
        return result

    def _prepare(self, content: Content) -> tuple[list[np.ndarray], str]:
        """What is sent, and how it travels."""
        if isinstance(content, bytes):
            return [np.frombuffer(content, np.uint8)], image_encoding(content)
        tensors = content if isinstance(content, list) else [preprocess(content, self._manifest)]
        return tensors, self._options.encoding

    def _follow(self) -> None:
        """Brings the newest configuration into force; waits for one that names a worker."""
        before = self._configuration
        end_s = time.monotonic() + self._options.patience
        while not self._link.configurations.empty() or self._configuration["worker"] is None:
            try:
                offered = self._link.configurations.get(timeout=max(0.0, end_s - time.monotonic()))
            except queue.Empty:
                raise GivenUp(f"no configuration with a worker after {self._options.patience:g} s") from None
            if offered["version"] > self._configuration["version"]:
                self._configuration = offered
        if self._configuration is before:
            return
        worker, digest = self._configuration["worker"]["id"], self._configuration["model"]["digest"]
        if digest != self._manifest.get("digest"):
            self._manifest = self._control_plane.manifest(digest, self._credentials["token"])
        if (worker, digest) != (self._offloading.worker, self._offloading.digest):
            exit_point = self._options.exit or len(self._manifest["exits"])
            self._offloading.turn_to(worker, digest, exit_point, self._options.patience)
        self._link.report(self._configuration["version"], digest)

    def _frames(self) -> Iterator[tuple[str, Content]]:
        options = self._options
        if options.image:
            yield from ((path, read_image(path)) for path in options.image)
            return
        if options.cut:
            for number in range(options.frames or 1):
                yield f"cut#{number}", [read_tensor(text) for text in options.cut]
            return
        records = np.fromfile(options.images, dtype=np.uint8).reshape(-1, 1 + 3 * CIFAR_SIDE**2)
        for number, record in enumerate(records[: options.frames]):
            yield f"{options.images}#{number}", record[1:].reshape(3, CIFAR_SIDE, CIFAR_SIDE)


def preprocess(image: np.ndarray, manifest: dict) -> np.ndarray:
    """The model's input of one 8-bit RGB image, a plane a channel."""
    wanted = manifest["preprocessing"]
    height, width = image.shape[1:]
    if (wanted["resize"]["width"], wanted["resize"]["height"]) != (width, height):
        raise GivenUp(f"{manifest['name']} takes images of another size than {width} × {height}")
    planes = (image if wanted["channels"] == "RGB" else image[::-1]).astype(np.float64)
    mean, std = (np.array(wanted[name])[:, None, None] for name in ("mean", "std"))
    return (planes * (wanted["scale"] / std) - mean / std).astype(np.float32)[None]


def read_image(path: str) -> bytes:
    """A file that is sent as it is: of the model's size, which the worker checks."""
    try:
        file = Path(path).read_bytes()
        image_encoding(file)
        return file
    except (OSError, ValueError) as error:
        raise GivenUp(f"{path}: {error}") from error


def read_tensor(text: str) -> np.ndarray:
    """FILE:DIMS, e.g. relu1.f32:1,64,15,15: little-endian floats."""
    path, _, dims = text.rpartition(":")
    return np.fromfile(path, dtype="<f4").reshape([int(size) for size in dims.split(",")])


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--id", required=True, help="name of this device")
    add("--control-plane", default="http://127.0.0.1:8080", help="its address (default %(default)s)")
    add("--enrolment-token", help="lets the device register; not needed once its credentials are kept")
    add("--credentials", type=Path, help="file that keeps them (default ID.credentials.json)")
    add("--images", help="CIFAR-10 records (.bin)")
    add("--image", action="append", default=[], metavar="FILE", help="a JPEG or WebP file of the model's size")
    add("--cut", action="append", default=[], metavar="FILE:DIMS", help="a tensor of the cut at --partition, raw float32")
    add("--frames", type=int, help="how many images, or how often the cut is sent")
    add("--exit", type=int, default=0, help="exit point, 1 is the shallowest (default: the deepest)")
    add("--partition", type=int, default=0, help="layers that were run before (default 0: the image is sent)")
    add("--encoding", choices=ENCODINGS, default="u8", help="how tensors travel (default %(default)s)")
    add("--deadline", type=float, metavar="MS", help="give up after so long (default: the policy's)")
    add("--patience", type=float, default=30, metavar="S", help="for a configuration and a worker (default %(default)s)")
    options = parser.parse_args()
    if [bool(given) for given in (options.images, options.image, options.cut)].count(True) != 1:
        parser.error("give one of --images, --image and --cut")
    if options.image and options.partition:
        parser.error("an --image is the model's input: --partition 0")
    return options


def main() -> int:
    try:
        return 0 if Device(parse_options()).run() > 0 else 1
    except KeyboardInterrupt:
        return 130
    except (GivenUp, ConnectionError) as error:
        print(f"edgent_client: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
