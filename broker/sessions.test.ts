import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createSessions, type SessionPeer } from './sessions.ts';

const device = { role: 'device', id: 'd1' } as const;

function peer(): SessionPeer {
  return { hello: { clientId: 'd1' }, stream: new PassThrough() };
}

test('the next session waits until Aedes is done with the last one', async () => {
  const sessions = createSessions();
  const [first, second] = [peer(), peer()];
  await sessions.enter(first, 'd1', device);
  sessions.registered(first);
  let entered: boolean | undefined;
  const entering = sessions.enter(second, 'd1', device).then((result) => {
    entered = result;
  });
  expect(first.stream.destroyed).toBe(true);
  sessions.closed(first);
  await new Promise(setImmediate);
  expect(entered).toBeUndefined();
  sessions.left(first);
  await entering;
  expect(entered).toBe(true);
});

test('a connection that dies before Aedes takes it on keeps nobody out', async () => {
  const sessions = createSessions();
  const [first, second, third] = [peer(), peer(), peer()];
  await sessions.enter(first, 'd1', device);
  sessions.closed(first);
  expect(await sessions.enter(second, 'd1', device)).toBe(true);
  second.stream.destroy();
  sessions.registered(second);
  expect(await sessions.enter(third, 'd1', device)).toBe(true);
});

test('whoever left while it waited does not enter', async () => {
  const sessions = createSessions();
  const [first, second] = [peer(), peer()];
  await sessions.enter(first, 'd1', device);
  sessions.registered(first);
  const entering = sessions.enter(second, 'd1', device);
  second.stream.destroy();
  sessions.left(first);
  expect(await entering).toBe(false);
});
