import { expect, test } from 'vitest';
import { deviceTopic } from '../shared/protocol/topics.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { connectPacket, disconnect, fixedHeader, pingreq, publishPacket, subscribePacket } from './testing/packets.ts';
import { readPublish } from './testing/raw-client.ts';
import { startTestBroker } from './testing/test-broker.ts';

const pingresp = 13;

test('a token lets its own identity in, as itself and as its data connection', async () => {
  const { rawConnect } = await startTestBroker();
  expect((await rawConnect('device', 'd1')).code).toBe(0);
  expect((await rawConnect('device', 'd1', { clientId: 'd1/data' })).code).toBe(0);
});

test('whoever is anonymous, somebody else, or forged is refused', async () => {
  const { raw, rawConnect, token, refused } = await startTestBroker();
  const anonymous = await raw();
  anonymous.send(connectPacket({ clientId: 'd1' }));
  expect((await anonymous.next())?.body[1]).toBe(5);
  await anonymous.closed;
  const device = token('device', 'd1');
  expect((await rawConnect('device', 'd2', { password: device })).code).toBe(4);
  expect((await rawConnect('device', 'd1', { password: `${device.slice(0, -4)}AAAA` })).code).toBe(4);
  expect((await rawConnect('device', 'd1', { password: 'rubbish' })).code).toBe(4);
  expect((await rawConnect('device', 'd1', { clientId: 'd2' })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { clientId: 'd1/other' })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { clientId: '' })).code).toBe(5);
  expect([refused('credentials'), refused('client-id')]).toEqual([4, 3]);
});

test('an expired token is refused', async () => {
  const { rawConnect, expiredToken } = await startTestBroker();
  expect((await rawConnect('device', 'd1', { password: expiredToken('device', 'd1') })).code).toBe(4);
});

test('persistent sessions, no or too long a keepalive, and other protocol versions are refused', async () => {
  const { rawConnect, refused } = await startTestBroker();
  expect((await rawConnect('device', 'd1', { clean: false })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { keepalive: 0 })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { keepalive: 301 })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { version: 3 })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { version: 0x84 })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { version: 6 })).code).toBe(-1);
  expect([refused('persistent-session'), refused('keepalive-invalid'), refused('protocol-version')]).toEqual([1, 2, 2]);
});

test('fault 19: a client id is taken over by the same identity alone, and the victim of another stays', async () => {
  const { rawConnect, refused } = await startTestBroker();
  const victim = await rawConnect('device', 'same');
  const other = await rawConnect('worker', 'same');
  expect(other.code).toBe(5);
  expect(refused('client-id-taken')).toBe(1);
  victim.client.send(pingreq);
  expect((await victim.client.next())?.type).toBe(pingresp);
  const successor = await rawConnect('device', 'same');
  expect(successor.code).toBe(0);
  await victim.client.closed;
});

test('fault 19: of twenty that connect as the same identity at once, one stays', async () => {
  const { rawConnect, broker } = await startTestBroker();
  const all = await Promise.all(Array.from({ length: 20 }, () => rawConnect('device', 'd1')));
  const open = new Set(all.filter(({ code }) => code === 0).map(({ client }) => client));
  for (const client of open) void client.closed.then(() => open.delete(client));
  const last = await rawConnect('device', 'd1');
  await Promise.all([...open].map(({ closed }) => closed));
  last.client.send(pingreq);
  expect((await last.client.next())?.type).toBe(pingresp);
  expect(broker.stats().connections).toBe(1);
});

test('the will of the old session comes before anything of the one that takes over', async () => {
  const { connect, rawConnect } = await startTestBroker();
  const topic = deviceTopic('d1', 'presence');
  const plane = await connect('control-plane', 'cp');
  await plane.subscribeAsync('edgent/v1/devices/+/presence');
  const heard: string[] = [];
  const enough = new Promise<void>((resolve) => {
    plane.on('message', (_topic, payload) => {
      if (heard.push(payload.toString()) === 40) resolve();
    });
  });
  const will = { topic, payload: 'offline', qos: 1, retain: true };
  for (let i = 0; i <= 20; i += 1) {
    const { client } = await rawConnect('device', 'd1', { will });
    client.send(publishPacket(topic, 'online', { retain: true, qos: 1 }));
    await client.next();
    // Every other one is taken over; the rest die just before.
    if (i % 2 === 0) client.socket.resetAndDestroy();
  }
  await enough;
  expect(heard.slice(0, 40).join(' ')).toBe(Array.from({ length: 20 }, () => 'online offline').join(' '));
});

test('the will is out as soon as the socket is dead, and never after DISCONNECT', async () => {
  const { rawConnect } = await startTestBroker();
  const plane = await rawConnect('control-plane', 'cp');
  plane.client.send(subscribePacket(['edgent/v1/devices/+/presence']));
  await plane.client.next();
  const willOf = (id: string): { topic: string; payload: string } => ({
    topic: deviceTopic(id, 'presence'),
    payload: id,
  });
  const polite = await rawConnect('device', 'd1', { will: willOf('d1') });
  polite.client.send(disconnect);
  polite.client.destroy();
  await polite.client.closed;
  for (const [id, end] of [
    ['d2', 'destroy'],
    ['d3', 'resetAndDestroy'],
    ['d4', 'end'],
  ] as const) {
    const { client } = await rawConnect('device', id, { will: willOf(id) });
    client.socket[end]();
    const message = await plane.client.next();
    expect(message && readPublish(message).payload.toString()).toBe(id);
  }
});

test('fault 20: a will that the identity may not publish is refused at CONNECT', async () => {
  const { rawConnect, refused } = await startTestBroker();
  for (const topic of ['edgent/v1/devices/d2/presence', 'edgent/v1/devices/+/presence', '#', '$SYS/x', 'a\0b']) {
    expect((await rawConnect('device', 'd1', { will: { topic, payload: 'x' } })).code).toBe(5);
  }
  const events = { topic: deviceTopic('d1', 'telemetry'), payload: 'x' };
  expect((await rawConnect('device', 'd1', { will: { ...events, retain: true } })).code).toBe(5);
  expect((await rawConnect('device', 'd1', { will: events })).code).toBe(0);
  expect(refused('will-denied')).toBe(6);
});

test('fault 15: half-open connections are closed after the connect timeout, and devices still enter', async () => {
  const clock = createFakeClock();
  const { raw, rawConnect, refused, broker } = await startTestBroker({ clock });
  const halfOpen = await Promise.all(Array.from({ length: 50 }, raw));
  for (const [i, client] of halfOpen.entries()) if (i % 2 === 0) client.send(fixedHeader(0x10, 100));
  const device = await rawConnect('device', 'd1');
  device.client.send(pingreq);
  await device.client.next();
  clock.advance(4900);
  expect(refused('connect-timeout')).toBe(0);
  clock.advance(400);
  await Promise.all(halfOpen.map(({ closed }) => closed));
  expect(refused('connect-timeout')).toBe(50);
  device.client.send(pingreq);
  expect((await device.client.next())?.type).toBe(pingresp);
  expect(broker.stats().connections).toBe(1);
});

test('a silent peer is cut after one and a half keepalives; one that pings is not', async () => {
  const clock = createFakeClock();
  const { rawConnect, refused } = await startTestBroker({ clock });
  const silent = await rawConnect('device', 'd1', { keepalive: 10 });
  const alive = await rawConnect('device', 'd2', { keepalive: 10 });
  for (const { client } of [silent, alive]) {
    client.send(pingreq);
    await client.next();
  }
  clock.advance(14_000);
  alive.client.send(pingreq);
  expect((await alive.client.next())?.type).toBe(pingresp);
  clock.advance(1300);
  await silent.client.closed;
  alive.client.send(pingreq);
  expect((await alive.client.next())?.type).toBe(pingresp);
  expect(refused('keepalive-missed')).toBe(1);
});

test('above the connection limit, connections are closed at once and those that are in stay', async () => {
  const { rawConnect, raw, refused } = await startTestBroker({ config: { maxConnections: 2 } });
  const first = await rawConnect('device', 'd1');
  await rawConnect('device', 'd2');
  await (await raw()).closed;
  expect(refused('connection-limit')).toBe(1);
  first.client.send(pingreq);
  expect((await first.client.next())?.type).toBe(pingresp);
});

test('close ends every connection and frees the port', async () => {
  const { rawConnect, broker } = await startTestBroker();
  const { client } = await rawConnect('device', 'd1');
  await broker.close();
  await client.closed;
  expect(broker.stats().connections).toBe(0);
});
