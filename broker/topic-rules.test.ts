import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Identity, roles } from '../shared/protocol/topic-rules.ts';
import {
  deviceChannels,
  deviceTopic,
  offloadFilter,
  offloadTopic,
  replyTopic,
  workerChannels,
} from '../shared/protocol/topics.ts';
import { pingreq, publishPacket, subscribePacket } from './testing/packets.ts';
import { readPublish } from './testing/raw-client.ts';
import { startTestBroker } from './testing/test-broker.ts';
import { allowedByBroker, allowedByModel, topicCase } from './testing/topic-cases.ts';

const denied = 0x80;

test('fault 20: role × topic × verb: the broker allows what the table of topic rules allows, and nothing else', async () => {
  const { mqttUrl } = await startTestBroker();
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(topicCase, async (one) => {
      const expected = allowedByModel(one);
      allowed += expected ? 1 : 0;
      expect(await allowedByBroker(mqttUrl, one)).toBe(expected);
    }),
    { numRuns: 1500 },
  );
  expect(allowed).toBeGreaterThan(20);
});

test('every channel, for each role on its own branch', async () => {
  const { mqttUrl } = await startTestBroker();
  const topics = [
    ...deviceChannels.map((channel) => {
      if (channel === 'offload') return offloadTopic('a', 'w');
      return channel === 'reply' ? replyTopic('a', 'w') : deviceTopic('a', channel);
    }),
    ...workerChannels.map((channel) => `edgent/v1/workers/w/${channel}`),
  ];
  for (const role of roles) {
    const who: Identity = { role, id: role === 'worker' ? 'w' : 'a' };
    for (const text of topics) {
      for (const verb of ['publish', 'retain', 'subscribe', 'will'] as const) {
        const one = { who, text, verb };
        expect([one, await allowedByBroker(mqttUrl, one)]).toEqual([one, allowedByModel(one)]);
      }
    }
  }
});

test('fault 20: of a mixed SUBSCRIBE, the denied filters are answered 0x80 and never deliver', async () => {
  const { rawConnect } = await startTestBroker();
  const { client } = await rawConnect('device', 'a');
  const filters = [deviceTopic('b', 'desired'), deviceTopic('a', 'desired'), 'edgent/v1/devices/+/desired', '#'];
  client.send(subscribePacket(filters));
  expect([...((await client.next())?.body.subarray(2) ?? [])]).toEqual([denied, 0, denied, denied]);
  const plane = await rawConnect('control-plane', 'cp');
  for (const id of ['b', 'a']) plane.client.send(publishPacket(deviceTopic(id, 'desired'), id));
  const message = await client.next();
  expect(message && readPublish(message).payload.toString()).toBe('a');
  client.send(pingreq);
  expect((await client.next())?.type).toBe(13);
});

test('fault 20: what is delivered is checked again, whatever was subscribed', async () => {
  const { rawConnect, refused } = await startTestBroker({
    access: () => ({ maySubscribe: (who, filter) => who.role !== 'device' || filter.includes('+') }),
  });
  const device = await rawConnect('device', 'a');
  device.client.send(subscribePacket(['edgent/v1/devices/+/desired']));
  expect((await device.client.next())?.body[2]).toBe(0);
  const plane = await rawConnect('control-plane', 'cp');
  plane.client.send(publishPacket(deviceTopic('b', 'desired'), 'secret', { qos: 1 }));
  await plane.client.next();
  device.client.send(pingreq);
  expect((await device.client.next())?.type).toBe(13);
  expect(refused('forward-denied')).toBe(1);
});

test('tensors go from a device to its worker and back', async () => {
  const { connect } = await startTestBroker();
  const worker = await connect('worker', 'w');
  const device = await connect('device', 'a');
  await worker.subscribeAsync(offloadFilter('w'));
  await device.subscribeAsync(replyTopic('a', 'w'));
  worker.on('message', (_topic, payload) => worker.publish(replyTopic('a', 'w'), payload));
  const reply = new Promise<Buffer>((resolve) => device.on('message', (_topic, payload) => resolve(payload)));
  device.publish(offloadTopic('a', 'w'), Buffer.alloc(16_384, 5));
  expect((await reply).equals(Buffer.alloc(16_384, 5))).toBe(true);
});
