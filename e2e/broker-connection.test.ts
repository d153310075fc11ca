import { connect, createServer } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { createMqttConnection } from '../shared/adapters/mqtt-connection.ts';
import { offloadFilter, offloadTopic, workerTopic } from '../shared/protocol/topics.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { median } from '../shared/runtime/statistics.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { type LocalBroker, startLocalBroker } from './testing/local-broker.ts';
import { quietLog } from './testing/platform-options.ts';

const cleanup = cleanupAfterAll();
let broker: LocalBroker;

beforeAll(async () => {
  broker = await startLocalBroker(cleanup);
});

/** Kernels acknowledge at once on a new connection, and only later wait for data to go with an acknowledgement. */
const rounds = 60;
/** A delayed ACK takes 40 ms. */
const delayedAckMs = 40;

test('small messages that follow each other wait for no delayed ACK, neither here nor at the broker', async () => {
  const worker = await broker.connect('worker', 'edge');
  let received = 0;
  let secondCame = (): void => undefined;
  worker.subscribe(offloadFilter('edge'), () => {
    received += 1;
    if (received % 2 === 0) secondCame();
  });
  await worker.publishAcknowledged(workerTopic('edge', 'presence'), '{}');
  const device = await broker.connect('device', 'chatty', { suffix: '/data' });
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = systemClock.nowMs();
    const came = new Promise<void>((resolve) => {
      secondCame = resolve;
    });
    for (const text of ['first', 'second']) device.publish(offloadTopic('chatty', 'edge'), [Buffer.from(text)]);
    await came;
    times.push(systemClock.nowMs() - startMs);
  }
  expect(median(times.slice(rounds / 2))).toBeLessThan(delayedAckMs / 2);
});

test('a device that the broker refuses for now comes in as soon as it does not', async () => {
  const { hostname: host, port } = new URL(broker.url);
  let refusing = true;
  let refused = 0;
  // CONNACK, "server unavailable" [MQTT-3.2.2-4].
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    if (!refusing) {
      const upstream = connect({ host, port: Number(port) });
      upstream.on('error', () => undefined);
      socket.pipe(upstream).pipe(socket);
      return;
    }
    socket.once('data', () => {
      refused += 1;
      socket.end(Buffer.from([0x20, 2, 0, 3]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  const ownPort = typeof address === 'object' && address !== null ? address.port : 0;
  const token = broker.token('device', 'patient');
  const connection = createMqttConnection({
    url: `mqtt://127.0.0.1:${ownPort}`,
    id: 'patient',
    token,
    log: quietLog,
    random: () => 0.05,
  });
  cleanup.add(connection.close);
  await expect.poll(() => refused, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  refusing = false;
  await connection.ready(20_000);
  expect(connection.connected()).toBe(true);
});

test('the broker tells by its answers to PINGREQ what it has read, over TCP', async () => {
  const device = await broker.connect('device', 'asks', { suffix: '/data' });
  const { underWay } = device;
  const read = new Promise<void>((resolve) => {
    underWay.onRead(() => {
      if (underWay.bytes() === 0) resolve();
    });
  });
  device.publish(offloadTopic('asks', 'edge'), [Buffer.alloc(1000)]);
  expect(underWay.bytes()).toBeGreaterThan(1000);
  device.publish(offloadTopic('asks', 'edge'), [Buffer.alloc(10)], true);
  await read;
  expect(underWay.published()).toBeGreaterThan(1010);
});
