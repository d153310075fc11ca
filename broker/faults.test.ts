import { expect, test } from 'vitest';
import { deviceTopic, offloadFilter, offloadTopic } from '../shared/protocol/topics.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { attackWithMutations } from './testing/mutated-packets.ts';
import { connectPacket, pingreq, publishPacket, subscribePacket } from './testing/packets.ts';
import { deviceToken, startTestBroker, type TestBroker } from './testing/test-broker.ts';

const mebi = 1 << 20;
const fail = (): never => {
  throw new Error('a rule failed');
};

/** @returns whether a device and a worker can still talk to each other */
async function serves({ connect }: TestBroker): Promise<boolean> {
  const worker = await connect('worker', 'w9');
  const device = await connect('device', 'd9');
  await worker.subscribeAsync(offloadFilter('w9'));
  const heard = new Promise<string>((resolve) => worker.on('message', (_topic, payload) => resolve(String(payload))));
  await device.publishAsync(offloadTopic('d9', 'w9'), 'hello', { qos: 1 });
  return (await heard) === 'hello';
}

test('fault 18: a rule that throws ends the connection that it was asked for, never the process', async () => {
  const broker = await startTestBroker({
    access: () => ({
      mayPublish: (_who, topic) => (topic.includes('telemetry') ? fail() : true),
      maySubscribe: (_who, filter) => (filter.includes('desired') ? fail() : true),
    }),
  });
  const { rawConnect, refused } = broker;
  const publishing = await rawConnect('device', 'd1');
  publishing.client.send(publishPacket(deviceTopic('d1', 'telemetry'), 'x'));
  await publishing.client.closed;
  const subscribing = await rawConnect('device', 'd2');
  subscribing.client.send(subscribePacket([deviceTopic('d2', 'desired')]));
  await subscribing.client.closed;
  const hearing = await rawConnect('control-plane', 'cp');
  hearing.client.send(subscribePacket(['edgent/v1/devices/+/#']));
  await hearing.client.next();
  const speaking = await rawConnect('device', 'd3');
  speaking.client.send(publishPacket(deviceTopic('d3', 'desired'), 'x'));
  await hearing.client.closed;
  const willing = await rawConnect('device', 'd4', { will: { topic: deviceTopic('d4', 'telemetry'), payload: 'x' } });
  expect(willing.code).toBe(-1);
  expect(refused('hook-failed')).toBe(4);
  expect(await serves(broker)).toBe(true);
});

test('fault 18: an authentication that throws is refused; one that never answers is cut after the connect timeout', async () => {
  const clock = createFakeClock();
  const broker = await startTestBroker({
    clock,
    access: (open) => ({
      identify: (token) => {
        const identity = open.identify(token);
        if ('id' in identity && identity.id === 'd1') fail();
        return 'id' in identity && identity.id === 'd2' ? new Promise(() => {}) : identity;
      },
    }),
  });
  expect((await broker.rawConnect('device', 'd1')).code).toBe(4);
  const hanging = await broker.raw();
  hanging.send(connectPacket({ clientId: 'd2', username: 'd2', password: broker.token('device', 'd2') }));
  expect(await serves(broker)).toBe(true);
  clock.advance(5300);
  await hanging.closed;
  expect(broker.refused('connect-timeout')).toBe(1);
});

test('fault 22: a subscriber that does not take its QoS 1 messages is cut before they fill the memory', async () => {
  const broker = await startTestBroker({ config: { maxBacklogBytes: 2 * mebi } });
  const plane = await broker.rawConnect('control-plane', 'cp');
  plane.client.send(subscribePacket(['edgent/v1/devices/+/reported'], 1));
  await plane.client.next();
  plane.client.socket.pause();
  const { client } = await broker.rawConnect('device', 'd1');
  for (let i = 0; broker.refused('backlog') === 0 && i < 400; i += 1) {
    client.send(publishPacket(deviceTopic('d1', 'reported'), Buffer.alloc(65_536), { qos: 1 }), pingreq);
    await client.next();
    await client.next();
  }
  expect(broker.refused('backlog')).toBe(1);
  expect(await serves(broker)).toBe(true);
});

test('fault 17: 20,000 mutated packets neither end the process nor keep others from being served', async () => {
  const broker = await startTestBroker();
  const hello = (lane: number): Buffer => {
    const id = `d${lane}`;
    return connectPacket({ clientId: id, username: id, password: deviceToken(id) });
  };
  await attackWithMutations({ count: 20_000, seed: 7, url: broker.mqttUrl, hello });
  expect(await serves(broker)).toBe(true);
  expect(broker.broker.stats().connections).toBe(2);
}, 60_000);
