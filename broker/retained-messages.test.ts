import { expect, test } from 'vitest';
import { createRetainedMessages, type RetainedMessages } from './retained-messages.ts';

const limits = { maxRetainedBytes: 1000, maxRetainedTotalBytes: 1e6, maxRetainedMessages: 5000 };

function retain(retained: RetainedMessages, topic: string, text: string): void {
  retained.store({ cmd: 'publish', topic, payload: Buffer.from(text), qos: 1, dup: false, retain: true });
}

async function topicsOf(retained: RetainedMessages, ...filters: string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { topic } of retained.matching(filters)) found.push(topic);
  return found;
}

test('each topic has its newest message alone, and filters find it once', async () => {
  const retained = createRetainedMessages(limits);
  for (const text of ['old', 'new']) retain(retained, 'a/b', text);
  retain(retained, 'a/c', 'x');
  expect(await topicsOf(retained, 'a/b', 'a/+', '#')).toEqual(['a/b', 'a/c']);
  expect(retained.bytes()).toBe('a/bnewa/cx'.length);
  retain(retained, 'a/b', '');
  expect(await topicsOf(retained, '#')).toEqual(['a/c']);
});

test('messages are bounded in number, and an empty one is always let in', () => {
  const retained = createRetainedMessages({ ...limits, maxRetainedMessages: 2 });
  for (const topic of ['a', 'b', 'c']) retain(retained, topic, 'x');
  expect([retained.admits('c', 1), retained.admits('a', 1), retained.admits('c', 0)]).toEqual([false, true, true]);
  expect(retained.bytes()).toBe(4);
});

test('a search ends, and gives way to others, while messages come all the time', async () => {
  const retained = createRetainedMessages(limits);
  for (let i = 0; i < 3000; i += 1) retain(retained, `t/${i}`, 'x');
  let turns = 0;
  let searching = true;
  const flood = (): void => {
    turns += 1;
    retain(retained, `t/${3000 + turns}`, 'x');
    if (searching) setImmediate(flood);
  };
  setImmediate(flood);
  expect(await topicsOf(retained, 't/+')).toHaveLength(3000);
  searching = false;
  expect(turns).toBeGreaterThan(2);
});
