import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { deviceTopic, offloadFilter, offloadTopic } from '../shared/protocol/topics.ts';
import { connectPacket } from './testing/packets.ts';
import { startTestBroker } from './testing/test-broker.ts';

/** @returns "open", or the status with which the upgrade was refused */
async function tryUpgrade(url: string, protocol = 'mqtt', origin?: string): Promise<string> {
  const socket = new WebSocket(url, protocol, origin === undefined ? {} : { origin });
  return new Promise((resolve) => {
    socket.on('open', () => {
      socket.terminate();
      resolve('open');
    });
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(String(response.statusCode));
    });
    socket.on('error', () => {});
  });
}

test('a client over WebSocket and one over TCP hear each other', async () => {
  const { connect: connectMqtt, webSocketUrl } = await startTestBroker();
  const worker = await connectMqtt('worker', 'w1', { url: webSocketUrl });
  const device = await connectMqtt('device', 'd1');
  await worker.subscribeAsync(offloadFilter('w1'));
  const arrived = new Promise<Buffer>((resolve) => worker.on('message', (_topic, payload) => resolve(payload)));
  await device.publishAsync(offloadTopic('d1', 'w1'), Buffer.alloc(300_000, 3));
  expect((await arrived).equals(Buffer.alloc(300_000, 3))).toBe(true);
  const own = new Promise<string>((resolve) => device.on('message', (_topic, payload) => resolve(String(payload))));
  await device.subscribeAsync('edgent/v1/devices/d1/reply/w1');
  await worker.publishAsync('edgent/v1/devices/d1/reply/w1', 'answer', { qos: 1 });
  expect(await own).toBe('answer');
});

test('upgrades elsewhere, without the subprotocol or from foreign pages are refused', async () => {
  const { webSocketUrl, refused } = await startTestBroker({ config: { webSocketOrigins: 'https://ours.example' } });
  expect(await tryUpgrade(webSocketUrl)).toBe('open');
  expect(await tryUpgrade(webSocketUrl.replace('/mqtt', '/other'))).toBe('404');
  expect(await tryUpgrade(webSocketUrl, 'chat')).toBe('400');
  expect(await tryUpgrade(webSocketUrl, 'mqtt', 'https://foreign.example')).toBe('403');
  expect(await tryUpgrade(webSocketUrl, 'mqtt', 'https://ours.example')).toBe('open');
  expect(refused('origin')).toBe(1);
});

test('text messages and messages above the limit end the connection', async () => {
  const { webSocketUrl, refused } = await startTestBroker({ config: { maxWebSocketMessageBytes: 1024 } });
  for (const message of ['text', Buffer.alloc(2000)]) {
    const socket = new WebSocket(webSocketUrl, 'mqtt');
    socket.on('error', () => {});
    await once(socket, 'open');
    socket.send(message);
    await once(socket, 'close');
  }
  expect(refused('web-socket-message')).toBe(2);
});

test('the will of a WebSocket client is out when its socket dies', async () => {
  const { connect: connectMqtt, webSocketUrl, token } = await startTestBroker();
  const plane = await connectMqtt('control-plane', 'cp');
  await plane.subscribeAsync('edgent/v1/devices/+/presence');
  const will = new Promise<string>((resolve) => plane.on('message', (_topic, payload) => resolve(String(payload))));
  const socket = new WebSocket(webSocketUrl, 'mqtt');
  await once(socket, 'open');
  const presence = { topic: deviceTopic('d1', 'presence'), payload: 'offline' };
  socket.send(connectPacket({ clientId: 'd1', username: 'd1', password: token('device', 'd1'), will: presence }));
  await once(socket, 'message');
  socket.terminate();
  expect(await will).toBe('offline');
});

test('an HTTP connection that never asks for an upgrade is closed', async () => {
  const { webSocketUrl } = await startTestBroker({ config: { connectTimeoutMs: 300 } });
  const socket = connect(Number(new URL(webSocketUrl).port), '127.0.0.1');
  socket.resume();
  await once(socket, 'close');
});
