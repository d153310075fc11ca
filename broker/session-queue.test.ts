import { expect, test } from 'vitest';
import { createByteBudget } from './byte-budget.ts';
import { entryBytes } from './session-entries.ts';
import { createSessionQueue, type Resent, type SessionQueue } from './session-queue.ts';

function create(maxBytes = 1e6, budget = createByteBudget(1e6)): SessionQueue {
  return createSessionQueue({ maxBytes, budget });
}

const key = (counter: number) => ({ counter, filter: 't/+' });
const message = (text: string) => ({ topic: 't/t', payload: Buffer.from(text), qos: 2, retain: false }) as const;

/** Takes what is sent again, and says of each that it is on its way. */
async function resendAll(queue: SessionQueue): Promise<Resent[]> {
  const all: Resent[] = [];
  for await (const one of queue.resend()) {
    all.push(one);
    queue.resent();
  }
  return all;
}

test('a message is sent once, under an identifier that is its own until it is acknowledged', () => {
  const queue = create();
  for (const i of [1, 2]) queue.add(key(i), message('x'));
  const ids = [queue.take(key(1)), queue.take(key(2))];
  expect(new Set(ids).size).toBe(2);
  expect(queue.take(key(1))).toBeUndefined();
  for (const id of ids) queue.acknowledged(id ?? 0);
  expect(queue.bytes()).toBe(0);
});

test('of a hundred thousand messages, none gets an identifier that another one has', () => {
  const queue = create();
  queue.add(key(0), message('stays'));
  const stays = queue.take(key(0));
  let collisions = 0;
  for (let i = 1; i <= 100_000; i += 1) {
    queue.add(key(i), message('x'));
    const id = queue.take(key(i)) ?? 0;
    if (id === stays) collisions += 1;
    queue.acknowledged(id);
  }
  expect(collisions).toBe(0);
});

test('what was sent comes again marked, what was received as PUBREL, what waited as new, in this order', async () => {
  const queue = create();
  for (const i of [1, 2, 3]) queue.add(key(i), message(`${i}`));
  const [one, two] = [queue.take(key(1)), queue.take(key(2))];
  queue.received(one ?? 0);
  queue.hold();
  expect(await resendAll(queue)).toMatchObject([
    { cmd: 'pubrel', messageId: one },
    { cmd: 'publish', dup: true, messageId: two, payload: Buffer.from('2') },
    { cmd: 'publish', dup: false, payload: Buffer.from('3') },
  ]);
  expect(await resendAll(queue)).toHaveLength(3);
});

test('while a client gets what it missed, nothing newer is sent past it', async () => {
  const queue = create();
  queue.add(key(1), message('1'));
  queue.hold();
  const stream = queue.resend();
  const first = await stream.next();
  expect(first.value).toMatchObject({ payload: Buffer.from('1') });
  queue.add(key(2), message('2'));
  expect(queue.take(key(2))).toBeUndefined();
  expect((await stream.next()).value).toMatchObject({ payload: Buffer.from('2') });
  const end = stream.next();
  queue.resent();
  queue.add(key(3), message('3'));
  expect(queue.take(key(3))).toBeUndefined();
  queue.resent();
  expect((await end).value).toMatchObject({ payload: Buffer.from('3') });
  queue.resent();
  expect((await stream.next()).done).toBe(true);
  queue.add(key(4), message('4'));
  expect(queue.take(key(4))).toBeGreaterThan(0);
});

test('a client that comes back in the midst of what it missed gets all of it, from the start', async () => {
  const queue = create();
  for (const i of [1, 2]) queue.add(key(i), message(`${i}`));
  queue.hold();
  const broken = queue.resend();
  await broken.next();
  await broken.next();
  const waiting = broken.next();
  queue.hold();
  expect((await waiting).done).toBe(true);
  expect(await resendAll(queue)).toMatchObject([{ dup: true }, { dup: true }]);
});

test('what finds no room is refused, in one queue and in all together', () => {
  const budget = createByteBudget(3 * (entryBytes + 4));
  const [one, other] = [create(2 * (entryBytes + 4), budget), create(1e6, budget)];
  const fill = (queue: SessionQueue): boolean[] => [1, 2, 3].map((i) => queue.add(key(i), message('x')));
  expect([fill(one), fill(other)]).toEqual([
    [true, true, false],
    [true, false, false],
  ]);
  one.clear();
  expect(budget.used()).toBe(entryBytes + 4);
  expect(other.add(key(9), message('x'))).toBe(true);
});
