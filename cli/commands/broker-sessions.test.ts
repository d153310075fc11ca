import { afterAll, beforeAll, expect, test } from 'vitest';
import { acknowledge, type ConnectFields, connectPacket, publishPacket } from '../../broker/testing/packets.ts';
import { connectPlain, type PlainClient, packetTypes } from '../../broker/testing/plain-client.ts';
import { connectRaw, type ReceivedMessage } from '../../broker/testing/raw-client.ts';
import { type RunningBroker, startPlainBroker } from '../testing/broker-command.ts';

let broker: RunningBroker;
beforeAll(async () => {
  broker = await startPlainBroker('--deny-subscribe', 'test/nosubscribe');
}, 120_000);
afterAll(async () => {
  expect(await broker.stop()).toBe(0);
});

const connect = (clientId: string, fields: Partial<ConnectFields> = {}): Promise<PlainClient> =>
  connectPlain(broker.mqttUrl, { clientId, keepalive: 0, ...fields });
/** Keeps its session. */
const resume = (clientId: string): Promise<PlainClient> => connect(clientId, { clean: false });
/** Of MQTT 5, with no properties. */
const version5Connect = Buffer.from([
  0x10,
  16,
  0,
  4,
  ...Buffer.from('MQTT'),
  5,
  2,
  0,
  0,
  0,
  0,
  3,
  ...Buffer.from('new'),
]);
const payloads = (messages: readonly ReceivedMessage[]): string[] => messages.map(({ payload }) => String(payload));

test('a client without an id gets one where its session is clean, else it is refused with 2 [MQTT-3.1.3-8]', async () => {
  const [one, other] = [await connect(''), await connect('')];
  expect([one.returnCode, other.returnCode]).toEqual([0, 0]);
  // Two of them are two: neither takes the other's place.
  expect([await one.untilPong(), await other.untilPong()]).toEqual([[], []]);
  const kept = await connect('', { clean: false });
  expect(kept.returnCode).toBe(2);
  await kept.closed;
});

test('a second CONNECT, another protocol name and what comes before CONNECT end the connection [MQTT-3.1.0-2]', async () => {
  const twice = await connect('twice');
  twice.send(connectPacket({ clientId: 'twice' }));
  await twice.closed;
  const misnamed = await connectRaw(broker.mqttUrl);
  const bytes = connectPacket({ clientId: 'misnamed' });
  bytes.write('HJTT', 4);
  misnamed.send(bytes);
  await misnamed.closed;
  const early = await connectRaw(broker.mqttUrl);
  early.send(publishPacket('early', 'x'));
  await early.closed;
  const newer = await connectRaw(broker.mqttUrl);
  newer.send(version5Connect);
  expect((await newer.next())?.body[1]).toBe(1); // [MQTT-3.1.2-2]
  await newer.closed;
});

test('a client of the same id takes the place of the one before [MQTT-3.1.4-2]', async () => {
  const first = await connect('same');
  const second = await connect('same');
  await first.closed;
  expect(await second.untilPong()).toEqual([]);
});

test('silence of one and a half keepalives ends the connection, and the will goes out [MQTT-3.1.2-24]', async () => {
  const hearer = await connect('will-hearer');
  await hearer.subscribe(['will/#'], 2);
  const will = { topic: 'will/silent', payload: 'gone', qos: 2 };
  const silent = await connect('will-silent', { keepalive: 1, will });
  const startMs = performance.now();
  expect(await hearer.messages(1)).toMatchObject([{ topic: 'will/silent', qos: 2, retain: false }]);
  expect(performance.now() - startMs).toBeGreaterThan(1400);
  await silent.closed;
});

test('the will goes out when the connection breaks, never after DISCONNECT [MQTT-3.1.2-8, MQTT-3.14.4-3]', async () => {
  const hearer = await connect('end-hearer');
  await hearer.subscribe(['end/#'], 1);
  const polite = await connect('end-polite', { will: { topic: 'end/polite', payload: 'x' } });
  await polite.leave();
  const broken = await connect('end-broken', { will: { topic: 'end/broken', payload: 'x', qos: 1, retain: true } });
  broken.destroy();
  expect(await hearer.messages(1)).toMatchObject([{ topic: 'end/broken' }]);
  // A will with RETAIN stays [MQTT-3.1.2-17].
  const late = await connect('end-late');
  await late.subscribe(['end/+']);
  expect(await late.messages(1)).toMatchObject([{ topic: 'end/broken', retain: true }]);
});

test('CONNACK says whether a session was there, and a clean one ends it [MQTT-3.2.2-1, MQTT-3.2.2-2, MQTT-3.1.2-6]', async () => {
  const present: boolean[] = [];
  // The last but two has no subscription: it is a session all the same.
  for (const clean of [false, false, true, false, false, true]) {
    const client = await connect('present', { clean });
    present.push(client.sessionPresent);
    await client.leave();
  }
  expect(present).toEqual([false, true, false, false, true, false]);
});

test('what was published meanwhile comes when the client is back, in order, by its QoS [MQTT-3.1.2-5, MQTT-4.6.0-6]', async () => {
  const away = await resume('away');
  await away.subscribe(['away/+'], 1);
  await away.leave();
  const sender = await connect('away-sender');
  const sent = Array.from({ length: 300 }, (_, i) => String(i));
  for (const text of sent)
    await sender.publish(`away/${Number(text) % 3}`, text, { qos: Number(text) % 2 === 0 ? 1 : 2 });
  await sender.publish('away/zero', 'not kept', { qos: 0 });
  const back = await resume('away');
  expect(back.sessionPresent).toBe(true);
  const got = await back.messages(300);
  expect(payloads(got)).toEqual(sent);
  expect(got.every(({ qos, dup }) => qos === 1 && !dup)).toBe(true);
  expect(new Set(got.map(({ messageId }) => messageId)).size).toBe(300); // [MQTT-2.3.1-2]
  for (const message of got) await back.acknowledge(message);
  await sender.publish('away/now', 'live', { qos: 2 });
  const [live] = await back.messages(1);
  expect(live).toMatchObject({ payload: Buffer.from('live'), qos: 1, retain: false });
  if (live !== undefined) await back.acknowledge(live);
  expect(await back.untilPong()).toEqual([]);
  await back.leave();
  expect(await (await resume('away')).untilPong()).toEqual([]);
});

test('what was not acknowledged comes again, marked, under its identifier [MQTT-4.4.0-1, MQTT-3.3.1-1]', async () => {
  const sender = await connect('again-sender');
  const client = await resume('again');
  await client.subscribe(['again/#'], 2);
  for (const [text, qos] of [
    ['first', 1],
    ['second', 2],
    ['third', 2],
  ] as const) {
    await sender.publish('again/topic', text, { qos });
  }
  const before = await client.messages(3);
  const [, second, third] = before;
  // Received, and no more: its PUBREL is what comes again.
  client.send(acknowledge('pubrec', second?.messageId ?? 0));
  expect((await client.next())?.type).toBe(packetTypes.pubrel);
  client.destroy();
  const back = await resume('again');
  const again = [await back.messages(1), await back.next(), await back.messages(1)];
  const ids = before.map(({ messageId }) => messageId);
  expect(again).toMatchObject([
    [{ payload: Buffer.from('first'), qos: 1, dup: true, messageId: ids[0] }],
    { type: packetTypes.pubrel },
    [{ payload: Buffer.from('third'), qos: 2, dup: true, messageId: ids[2] }],
  ]);
  back.send(acknowledge('puback', ids[0] ?? 0), acknowledge('pubcomp', ids[1] ?? 0));
  if (third !== undefined) await back.acknowledge(third);
  await back.leave();
  expect(await (await resume('again')).untilPong()).toEqual([]);
});

test('a message of QoS 2 that is sent again is one message, over connections too [MQTT-4.3.3-2]', async () => {
  const hearer = await connect('once-hearer');
  await hearer.subscribe(['once/topic'], 2);
  const sender = await resume('once-sender');
  const send = (client: PlainClient, dup: boolean): void =>
    client.send(publishPacket('once/topic', 'once', { qos: 2, messageId: 7, dup }));
  send(sender, false);
  send(sender, true);
  for (let i = 0; i < 2; i += 1) expect((await sender.next())?.type).toBe(packetTypes.pubrec);
  sender.destroy();
  const back = await resume('once-sender');
  send(back, true);
  expect((await back.next())?.type).toBe(packetTypes.pubrec);
  back.send(acknowledge('pubrel', 7));
  expect((await back.next())?.type).toBe(packetTypes.pubcomp);
  await back.publish('once/topic', 'another', { qos: 2 });
  expect(payloads(await hearer.messages(2))).toEqual(['once', 'another']);
});

test('a filter that was refused is not in the session either', async () => {
  const client = await resume('mixed');
  expect(await client.subscribe(['mixed/topic', 'test/nosubscribe', '$share/g/x'], 1)).toEqual([1, 0x80, 0x80]);
  await client.leave();
  const sender = await connect('mixed-sender');
  for (const topic of ['test/nosubscribe', 'mixed/topic']) await sender.publish(topic, topic, { qos: 1 });
  const back = await resume('mixed');
  expect(payloads(await back.messages(1))).toEqual(['mixed/topic']);
  expect(await back.untilPong()).toEqual([]);
});

test('a filter that was given up is not in the session any more', async () => {
  const client = await resume('given-up');
  await client.subscribe(['given/a', 'given/b'], 1);
  await client.unsubscribe(['given/a']);
  await client.leave();
  const sender = await connect('given-sender');
  for (const topic of ['given/a', 'given/b']) await sender.publish(topic, topic, { qos: 1 });
  const back = await resume('given-up');
  expect(payloads(await back.messages(1))).toEqual(['given/b']);
});
