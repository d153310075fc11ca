import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createPointStore, type PointStoreOptions } from './points.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'points-'));
});
afterEach(() => rm(folder, { recursive: true }));

const clock = createFakeClock();
const schema = Type.Object({ ms: Type.Number() });
const inputs = { what: 'plan', model: 'small', link: [1, 4] };

/** @returns a store, and what is asked of it: each measurement gives the next number */
function storeWith(options: Partial<PointStoreOptions> = {}, first = 1) {
  const store = createPointStore({ folder, hardwareClass: 'pc', fresh: false, code: 'abc', clock, ...options });
  let next = first;
  const take = async (of: Parameters<typeof store.take>[0] = inputs): Promise<number> => {
    const { value } = await store.take(of, schema, async () => ({ ms: next++ }));
    return value.ms;
  };
  return { store, take };
}

test('a point is measured once, by whichever run comes first', async () => {
  const { take } = storeWith();
  expect([await take(), await take()]).toEqual([1, 1]);
  expect(await storeWith({}, 50).take()).toBe(1);
  expect(await storeWith({}, 50).take({ link: [1, 4], model: 'small', what: 'plan' })).toBe(1);
});

test('a point says which code measured it, also to a run of other code', async () => {
  const measure = async () => ({ ms: 1 });
  await storeWith().store.take(inputs, schema, measure);
  expect(await storeWith({ code: 'def' }).store.take(inputs, schema, measure)).toMatchObject({ code: 'abc' });
});

test('other inputs, or another class of machine, are another point', async () => {
  expect(await storeWith().take()).toBe(1);
  expect(await storeWith({}, 50).take({ ...inputs, link: [2, 4] })).toBe(50);
  expect(await storeWith({ hardwareClass: 'pi' }, 60).take()).toBe(60);
});

test('a fresh run measures once more what is older than itself, and each point once', async () => {
  expect(await storeWith().take()).toBe(1);
  clock.advance(1000);
  const { take } = storeWith({ fresh: true }, 50);
  clock.advance(1000);
  expect([await take(), await take()]).toEqual([50, 50]);
  expect(await storeWith({}, 70).take()).toBe(50);
});

test('a point keeps when it was measured', async () => {
  const { store } = storeWith();
  const measuredAt = clock.wallTime().toISOString();
  await store.take(inputs, schema, async () => ({ ms: 1 }));
  clock.advance(5000);
  expect(await store.take(inputs, schema, async () => ({ ms: 2 }))).toEqual({
    value: { ms: 1 },
    measuredAt,
    code: 'abc',
  });
});

test.each(['', '{"schema":1', '{"schema":1,"measuredAt":"2020","value":{"ms":"soon"}}'])(
  'a file that holds %j is measured anew',
  async (content) => {
    expect(await storeWith().take()).toBe(1);
    const [name = ''] = await readdir(folder);
    await writeFile(join(folder, name), content);
    expect(await storeWith({}, 50).take()).toBe(50);
  },
);

test('a measurement that failed leaves nothing', async () => {
  const { store } = storeWith();
  const failing = store.take(inputs, schema, async () => {
    throw new Error('no worker');
  });
  await expect(failing).rejects.toThrow('no worker');
  expect(await storeWith({}, 50).take()).toBe(50);
});
