import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Identity, mayPublish, maySubscribe, roles } from '../shared/protocol/topic-rules.ts';
import {
  deviceChannels,
  deviceTopic,
  offloadFilter,
  offloadTopic,
  replyTopic,
  workerChannels,
} from '../shared/protocol/topics.ts';
import { mayRetain } from './access.ts';
import { pingreq, publishPacket, subscribePacket } from './testing/packets.ts';
import { readPublish } from './testing/raw-client.ts';
import { startTestBroker, type TestBroker } from './testing/test-broker.ts';

const puback = 4;
const suback = 9;
const denied = 0x80;
const ids = ['a', 'b', 'w'];

const identity: fc.Arbitrary<Identity> = fc.record({ role: fc.constantFrom(...roles), id: fc.constantFrom(...ids) });

/** Topics and filters near the platform's: right ones, right ones with one thing wrong, and wrong ones. */
const level = fc.constantFrom(...ids, '+', '#', '', 'a\0', '$SYS', 'A', '*');
const platformTopic = fc
  .tuple(
    fc.constantFrom('devices', 'devices', 'workers'),
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ids) }, { weight: 1, arbitrary: level }),
    fc.constantFrom(...deviceChannels, ...workerChannels, '+', '#'),
    fc.option(level, { nil: undefined, freq: 2 }),
  )
  .map(([kind, id, channel, last]) => {
    const needsWorker = channel === 'offload' || channel === 'reply';
    const end = needsWorker ? `/${last ?? 'w'}` : last === '#' || last === '$SYS' ? `/${last}` : '';
    return `edgent/v1/${kind}/${id}/${channel}${end}`;
  });
const strangeTopic = fc.constantFrom(
  '#',
  '+',
  '+/#',
  '$SYS/new/clients',
  '$SYS/#',
  '$share/g/edgent/v1/devices/+/telemetry',
  '$share/g/edgent/v1/devices/a/desired',
  'edgent/v1/#',
  'edgent/v1/+/a/presence',
  'edgent/v1/devices/a/desired/',
  '/edgent/v1/devices/a/desired',
  'edgent/v2/devices/a/desired',
  'edgent/v1/devices/a/desired\0',
  'a+',
  'a#b',
  'edgent/v1/devices/a/b/c/d/e/f/g',
);
const topic = fc.oneof({ weight: 6, arbitrary: platformTopic }, { weight: 1, arbitrary: strangeTopic });

/** The cases are checked one after another; a denied PUBLISH ends its connection, so each has its own. */
async function check(verb: string, who: Identity, text: string, { rawConnect }: TestBroker): Promise<boolean> {
  const retain = verb === 'retain' || verb === 'retained will';
  if (verb === 'will' || verb === 'retained will') {
    const { client, code } = await rawConnect(who.role, who.id, { will: { topic: text, payload: '', retain } });
    client.destroy();
    return code === 0;
  }
  const { client } = await rawConnect(who.role, who.id);
  if (verb === 'subscribe') client.send(subscribePacket([text]));
  else client.send(publishPacket(text, 'payload', { qos: 1, retain }));
  const answer = await client.next();
  client.destroy();
  await client.closed;
  if (verb !== 'subscribe') return answer?.type === puback;
  return answer?.type === suback && answer.body[2] !== denied;
}

function model(verb: string, who: Identity, text: string): boolean {
  if (verb === 'subscribe') return maySubscribe(who, text);
  return mayPublish(who, text) && (!verb.includes('retain') || mayRetain(text));
}

test('role × topic × verb: the broker allows what the table of topic rules allows, and nothing else', async () => {
  const broker = await startTestBroker();
  const verbs = ['publish', 'retain', 'subscribe', 'will', 'retained will'];
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(identity, topic, fc.constantFrom(...verbs), async (who, text, verb) => {
      const expected = model(verb, who, text);
      allowed += expected ? 1 : 0;
      expect(await check(verb, who, text, broker)).toBe(expected);
    }),
    { numRuns: 600 },
  );
  expect(allowed).toBeGreaterThan(20);
});

test('every channel, for each role on its own branch', async () => {
  const broker = await startTestBroker();
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
      for (const verb of ['publish', 'retain', 'subscribe', 'will']) {
        expect([role, text, verb, await check(verb, who, text, broker)]).toEqual([
          role,
          text,
          verb,
          model(verb, who, text),
        ]);
      }
    }
  }
});

test('of a mixed SUBSCRIBE, the denied filters are answered 0x80 and never deliver', async () => {
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

test('what is delivered is checked again, whatever was subscribed', async () => {
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
