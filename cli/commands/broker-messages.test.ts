import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectPlain, type PlainClient } from '../../broker/testing/plain-client.ts';
import type { ReceivedMessage } from '../../broker/testing/raw-client.ts';
import { type RunningBroker, startPlainBroker } from '../testing/broker-command.ts';

let broker: RunningBroker;
beforeAll(async () => {
  broker = await startPlainBroker('--deny-subscribe', 'test/nosubscribe', '--deny-subscribe', 'secret/#');
}, 120_000);
afterAll(async () => {
  expect(await broker.stop()).toBe(0);
});

const connect = (clientId: string): Promise<PlainClient> => connectPlain(broker.mqttUrl, { clientId, keepalive: 0 });
const payloads = (messages: readonly ReceivedMessage[]): string[] => messages.map(({ payload }) => String(payload));
const denied = 0x80;

test('a message arrives at the lower of the QoS that it was sent by and that was granted [MQTT-3.8.4-6]', async () => {
  const [sender, hearer] = [await connect('qos-sender'), await connect('qos-hearer')];
  for (const granted of [0, 1, 2] as const) {
    // The second filter has a wildcard, so that the topic alone does not tell its QoS.
    for (const filter of ['qos/topic', 'qos/+']) {
      expect(await hearer.subscribe([filter], granted)).toEqual([granted]);
      for (const qos of [0, 1, 2] as const) {
        await sender.publish('qos/topic', `${qos}`, { qos });
        const [message] = await hearer.messages(1);
        expect([granted, filter, message?.qos]).toEqual([granted, filter, Math.min(granted, qos)]);
        if (message !== undefined) await hearer.acknowledge(message);
      }
      await hearer.unsubscribe([filter]);
    }
  }
});

test('of overlapping subscriptions each has its own QoS, and the best one is met [MQTT-3.3.5-1]', async () => {
  const [sender, hearer] = [await connect('overlap-sender'), await connect('overlap-hearer')];
  await hearer.subscribe(['overlap/#'], 2);
  await hearer.subscribe(['overlap/+'], 1);
  await hearer.subscribe(['overlap/topic'], 0);
  await sender.publish('overlap/topic', 'once for each', { qos: 2 });
  const all = await hearer.messages(3);
  expect(all.map(({ qos }) => qos).sort()).toEqual([0, 1, 2]);
});

test('a retained message goes to a new subscription with RETAIN, to one that was there without [MQTT-3.3.1-8]', async () => {
  const [sender, first, second] = await Promise.all(['keep-sender', 'keep-first', 'keep-second'].map(connect));
  if (sender === undefined || first === undefined || second === undefined) throw new Error('not connected');
  await first.subscribe(['keep/+'], 1);
  for (const text of ['old', 'new']) await sender.publish('keep/topic', text, { qos: 1, retain: true });
  const live = await first.messages(2);
  expect([payloads(live), live.map(({ retain }) => retain)]).toEqual([
    ['old', 'new'],
    [false, false],
  ]);
  for (const filter of ['keep/topic', 'keep/#', '+/topic']) {
    await second.subscribe([filter], 1);
    expect(await second.messages(1)).toMatchObject([{ retain: true, qos: 1, payload: Buffer.from('new') }]);
  }
  // A subscription that replaces one gets it again [MQTT-3.8.4-3], by the QoS that is granted now.
  await second.subscribe(['keep/topic'], 0);
  expect(await second.messages(1)).toMatchObject([{ retain: true, payload: Buffer.from('new') }]);
  await sender.publish('keep/topic', '', { qos: 1, retain: true });
  const late = await connect('keep-late');
  await late.subscribe(['keep/topic', 'keep/end'], 0);
  await sender.publish('keep/end', 'end');
  expect(payloads(await late.messages(1))).toEqual(['end']);
});

test('"+" is one level, "#" all that follow and the one above [MQTT-4.7.1-2, MQTT-4.7.1-3]', async () => {
  const sender = await connect('wild-sender');
  const topics = ['wild', 'wild/', 'wild/a', 'wild/a/b', '/wild'];
  const expected: Record<string, string[]> = {
    'wild/#': ['wild', 'wild/', 'wild/a', 'wild/a/b'],
    'wild/+': ['wild/', 'wild/a'],
    'wild/+/#': ['wild/', 'wild/a', 'wild/a/b'],
    '+/+': ['wild/', 'wild/a', '/wild'],
    '/+': ['/wild'],
  };
  for (const [filter, matching] of Object.entries(expected)) {
    const hearer = await connect('wild-hearer');
    await hearer.subscribe([filter, 'end/of/wild']);
    for (const topic of [...topics, 'end/of/wild']) await sender.publish(topic, topic, { qos: 2 });
    const heard = payloads(await hearer.messages(matching.length + 1));
    expect([filter, heard]).toEqual([filter, [...matching, 'end/of/wild']]);
    await hearer.leave();
  }
});

test('a filter that begins with a wildcard has no topic that begins with "$" [MQTT-4.7.2-1]', async () => {
  const [sender, early] = [await connect('dollar-sender'), await connect('dollar-early')];
  await early.subscribe(['#', '+/dollar']);
  await sender.publish('$own/dollar', 'hidden', { qos: 1, retain: true });
  const [exact, late] = [await connect('dollar-exact'), await connect('dollar-late')];
  await exact.subscribe(['$own/+']);
  expect(payloads(await exact.messages(1))).toEqual(['hidden']);
  await late.subscribe(['#', '+/dollar']);
  await sender.publish('a/dollar', 'shown', { qos: 1 });
  for (const hearer of [early, late]) expect(payloads(await hearer.messages(2))).toEqual(['shown', 'shown']);
});

test('a filter that is denied is answered with 0x80, and nothing of it is delivered by others [MQTT-3.9.3-2]', async () => {
  const [sender, hearer] = [await connect('deny-sender'), await connect('deny-hearer')];
  const filters = ['test/nosubscribe', 'secret/+', 'secret', '$share/g/test', '#'];
  const answers: number[][] = [];
  for (const filter of filters) answers.push(await hearer.subscribe([filter], 2));
  expect(answers).toEqual([[denied], [denied], [denied], [denied], [2]]);
  await sender.publish('secret/plan', 'hidden', { qos: 1, retain: true });
  await sender.publish('test/nosubscribe', 'hidden', { qos: 1 });
  await sender.publish('test/other', 'shown', { qos: 1 });
  expect(payloads(await hearer.messages(1))).toEqual(['shown']);
});

test('after UNSUBACK nothing more comes of that filter [MQTT-3.10.4-2]', async () => {
  const [sender, hearer] = [await connect('leave-sender'), await connect('leave-hearer')];
  await hearer.subscribe(['leave/a', 'leave/b'], 1);
  await hearer.unsubscribe(['leave/a', 'never/there']);
  for (const topic of ['leave/a', 'leave/b']) await sender.publish(topic, topic, { qos: 1 });
  expect(payloads(await hearer.messages(1))).toEqual(['leave/b']);
});

test('a topic may be as long as MQTT has them, and have a hundred levels', async () => {
  const [sender, hearer] = [await connect('long-sender'), await connect('long-hearer')];
  for (const topic of ['x'.repeat(65_535), Array(100).fill('l').join('/')]) {
    expect(await hearer.subscribe([topic])).toEqual([0]);
    await sender.publish(topic, 'arrived', { qos: 1 });
    expect(payloads(await hearer.messages(1))).toEqual(['arrived']);
  }
});

test('a PUBLISH to what is the broker’s own, or to a filter, ends its connection [MQTT-3.3.2-2]', async () => {
  for (const topic of ['$SYS/x/new/clients', 'a/+', '#', '', 'a\0b']) {
    const client = await connect('refused');
    await expect(client.publish(topic, 'refused', { qos: 1 })).rejects.toThrow('the end');
  }
  const client = await connect('refused');
  expect(await client.untilPong()).toEqual([]);
});
