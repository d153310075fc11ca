"""A device's connection to the broker: its topics, its presence, and queues of what arrives (docs/wire.md)."""
import json
import queue
import secrets
import socket
import time
from typing import Iterable
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

ROOT = "edgent/v1/devices"
KEEPALIVE_S = 10
CONNECT_TIMEOUT_S = 10


class BrokerLink:
    """One connection under the device's own branch of topics; it reconnects by itself and subscribes anew."""

    def __init__(self, credentials: dict) -> None:
        self.boot = 1 + secrets.randbelow(2**32 - 1)
        self.configurations: queue.Queue[dict] = queue.Queue()
        self.replies: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self._id = credentials["id"]
        self._url = urlsplit(credentials["brokerUrl"])
        self._answer: queue.Queue[int] = queue.Queue()
        self._reply_topic: str | None = None
        self._held_version = 0
        self._client = _new_client(self._id)
        self._client.username_pw_set(self._id, credentials["token"])
        self._client.will_set(self._topic("presence"), self._presence(False), qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_socket_open = _send_at_once

    def open(self) -> None:
        """Returns when the broker has let the device in. Raises ConnectionError where it does not."""
        self._client.connect(self._url.hostname, self._url.port or 1883, KEEPALIVE_S)
        self._client.loop_start()
        try:
            code = self._answer.get(timeout=CONNECT_TIMEOUT_S)
        except queue.Empty:
            raise ConnectionError(f"{self._url.geturl()}: no answer after {CONNECT_TIMEOUT_S} s") from None
        if code != 0:
            raise ConnectionError(f"{self._url.geturl()}: {mqtt.connack_string(code)}")

    def listen_to(self, worker: str) -> None:
        """Hears one worker's replies, and no other's any longer."""
        topic = self._topic("reply", worker)
        if topic == self._reply_topic:
            return
        if self._reply_topic is not None:
            self._client.unsubscribe(self._reply_topic)
        self._reply_topic = topic
        self._client.subscribe(topic, qos=1)

    def offload(self, worker: str, messages: Iterable[bytes]) -> int:
        """Sends chunks, each as soon as it is made. Returns their bytes."""
        topic = self._topic("offload", worker)
        sent = 0
        for message in messages:
            self._client.publish(topic, message, qos=0)
            sent += len(message)
        return sent

    def report(self, version: int, model_digest: str) -> None:
        """Tells the control plane what is in force: the worker keeps serving a model that a device says it runs."""
        self._held_version = version
        state = {"schema": 1, "version": version, "boot": self.boot, "modelDigest": model_digest, "state": "ready"}
        self._client.publish(self._topic("reported"), json.dumps(state), qos=1, retain=True)

    def close(self) -> None:
        """Says good-bye, so that the will stays unsaid."""
        if self._client.is_connected():
            self._client.publish(self._topic("presence"), self._presence(False), qos=1, retain=True).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, _userdata: object, _flags: dict, code: int) -> None:
        self._answer.put(code)
        if code != 0:
            return
        client.subscribe(self._topic("desired"), qos=1)
        if self._reply_topic is not None:
            client.subscribe(self._reply_topic, qos=1)
        client.publish(self._topic("presence"), self._presence(True), qos=1, retain=True)
        request = {"schema": 1, "version": self._held_version}
        client.publish(self._topic("configuration-request"), json.dumps(request), qos=1)

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == self._topic("desired"):
            self.configurations.put(json.loads(message.payload))
        else:
            self.replies.put((time.monotonic(), message.payload))

    def _topic(self, *levels: str) -> str:
        return "/".join((ROOT, self._id, *levels))

    def _presence(self, online: bool) -> str:
        return json.dumps({"schema": 1, "online": online, "boot": self.boot})


def _send_at_once(_client: mqtt.Client, _userdata: object, connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _new_client(client_id: str) -> mqtt.Client:
    options = {"client_id": client_id, "clean_session": True, "protocol": mqtt.MQTTv311}
    if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, **options)
    return mqtt.Client(**options)
