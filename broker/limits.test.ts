import { expect, test } from 'vitest';
import { deviceTopic, offloadFilter, offloadTopic } from '../shared/protocol/topics.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { fixedHeader, pingreq, publishPacket, subscribePacket, unsubscribePacket } from './testing/packets.ts';
import { startTestBroker } from './testing/test-broker.ts';

const puback = 4;
const suback = 9;
const mebi = 1 << 20;

test('fault 16: a giant declared length is closed at the header, before and after CONNECT', async () => {
  const { raw, rawConnect, refused } = await startTestBroker();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 8; i += 1) {
    const early = await raw();
    early.send(fixedHeader(0x10, 256 * mebi - 1), Buffer.alloc(1000));
    await early.closed;
    const { client } = await rawConnect('device', 'd1');
    client.send(fixedHeader(0x30, 256 * mebi - 1), Buffer.alloc(1000));
    await client.closed;
  }
  expect(refused('packet-too-large')).toBe(16);
  expect(process.memoryUsage().rss - before).toBeLessThan(20 * mebi);
});

test('a PUBLISH of 8 MiB arrives whole', async () => {
  const { connect } = await startTestBroker();
  const worker = await connect('worker', 'w1');
  await worker.subscribeAsync(offloadFilter('w1'));
  const device = await connect('device', 'd1');
  const payload = Buffer.alloc(8 * mebi - 100, 'tensor');
  const arrived = new Promise<Buffer>((resolve) => worker.on('message', (_topic, message) => resolve(message)));
  await device.publishAsync(offloadTopic('d1', 'w1'), payload);
  expect((await arrived).equals(payload)).toBe(true);
});

test('fault 21: a SUBSCRIBE longer than any honest one is closed at its header', async () => {
  const { rawConnect, refused } = await startTestBroker();
  const { client } = await rawConnect('control-plane', 'cp');
  client.send(subscribePacket(Array.from({ length: 100_000 }, (_, i) => `edgent/v1/devices/d${i}/presence`)));
  await client.closed;
  expect(refused('packet-too-large')).toBe(1);
});

test('fault 21: filters above the limit are answered with 0x80; giving one back makes room', async () => {
  const { rawConnect, refused } = await startTestBroker({ config: { maxFilters: 3 } });
  const { client } = await rawConnect('control-plane', 'cp');
  const filter = (i: number): string => deviceTopic(`d${i}`, 'presence');
  client.send(subscribePacket([1, 2, 3, 4, 5].map(filter)));
  expect([...((await client.next())?.body.subarray(2) ?? [])]).toEqual([0, 0, 0, 0x80, 0x80]);
  client.send(unsubscribePacket([filter(1)]));
  await client.next();
  client.send(subscribePacket([filter(6)]));
  expect(await client.next()).toMatchObject({ type: suback, body: Buffer.from([0, 1, 0]) });
  expect(refused('filter-limit')).toBe(2);
});

test('fault 22: who publishes faster than it may is held back, loses nothing and is not cut', async () => {
  const clock = createFakeClock();
  const { rawConnect, broker } = await startTestBroker({ clock, config: { publishesPerSecond: 10 } });
  const { client } = await rawConnect('device', 'd1');
  const ids = Array.from({ length: 25 }, (_, i) => i + 1);
  client.send(
    ...ids.map((messageId) => publishPacket(deviceTopic('d1', 'telemetry'), 'x', { qos: 1, messageId })),
    pingreq,
  );
  const next = async (count: number): Promise<number[]> => {
    const got: number[] = [];
    for (let i = 0; i < count; i += 1) got.push((await client.next())?.type ?? 0);
    return got;
  };
  expect(await next(10)).toEqual(Array(10).fill(puback));
  const other = await rawConnect('device', 'd2');
  other.client.send(pingreq);
  await other.client.next();
  expect(broker.stats().messagesIn).toBe(10);
  clock.advance(1000);
  expect(await next(10)).toEqual(Array(10).fill(puback));
  clock.advance(1000);
  expect(await next(6)).toEqual([...Array(5).fill(puback), 13]);
});

test('fault 22: retained messages are bounded, each and all together', async () => {
  const topicBytes = deviceTopic('d1', 'reported').length;
  const { rawConnect, broker, refused } = await startTestBroker({
    config: { maxRetainedBytes: 1000, maxRetainedTotalBytes: 1500 + 2 * topicBytes },
  });
  const retain = async (id: string, bytes: number): Promise<boolean> => {
    const { client } = await rawConnect('device', id);
    client.send(publishPacket(deviceTopic(id, 'reported'), Buffer.alloc(bytes), { retain: true, qos: 1 }));
    return (await client.next())?.type === puback;
  };
  expect(await retain('d1', 1001)).toBe(false);
  expect(await retain('d1', 1000)).toBe(true);
  expect(await retain('d2', 501)).toBe(false);
  expect(await retain('d1', 999)).toBe(true);
  expect(await retain('d2', 501)).toBe(true);
  expect(await retain('d1', 0)).toBe(true);
  expect(broker.stats().retainedBytes).toBe(501 + topicBytes);
  expect(refused('retained-too-large')).toBe(2);
});

test('a retained message that is stored while others overtake it still arrives', async () => {
  const { rawConnect } = await startTestBroker();
  const plane = await rawConnect('control-plane', 'cp');
  plane.client.send(subscribePacket(['edgent/v1/devices/+/reported', 'edgent/v1/devices/+/telemetry']));
  await plane.client.next();
  const { client } = await rawConnect('device', 'd1');
  const pair = [
    publishPacket(deviceTopic('d1', 'reported'), 'state', { retain: true }),
    publishPacket(deviceTopic('d1', 'telemetry'), 'sample'),
  ];
  client.send(...pair, ...pair, ...pair);
  for (let i = 0; i < 6; i += 1) expect((await plane.client.next())?.type).toBe(3);
});

test('fault 21: topics deeper than the limit close the connection', async () => {
  const { rawConnect } = await startTestBroker();
  const publishing = await rawConnect('device', 'd1');
  publishing.client.send(publishPacket('a/'.repeat(200), 'x', { qos: 1 }));
  expect(await publishing.client.next()).toBeUndefined();
  const subscribing = await rawConnect('device', 'd2');
  subscribing.client.send(subscribePacket(['a/'.repeat(200)]));
  expect(await subscribing.client.next()).toBeUndefined();
});
